"""unfade restores old photographs, paintings and film, and proves what it did and did not touch."""
