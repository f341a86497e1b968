"""Commands of ``cdfi-model``; torch is imported when one of them runs."""
