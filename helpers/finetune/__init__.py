"""Fine-tuning: from the files people have to an adapter that is measured, merged and served."""
