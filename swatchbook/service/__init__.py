"""The REST service: one process that answers, others that decode. See docs/serving.md."""
