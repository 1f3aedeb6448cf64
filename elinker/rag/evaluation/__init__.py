"""Score answers with sources: read questions, run a pipeline over them, compare, report. No model is loaded here."""
