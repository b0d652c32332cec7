"""What trainers of any model share: state to resume from, attention that trains fast."""
