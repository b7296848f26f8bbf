"""What is lived: recorded data, later worlds and bodies."""

from anlage.experience.experience import Experience, Labelled, RecordedExperience, Recording
from anlage.experience.image import Digits, Mnist
from anlage.experience.speech import SpokenDigits
from anlage.experience.text import Text

__all__ = ["Digits", "Experience", "Labelled", "Mnist", "RecordedExperience", "Recording", "SpokenDigits", "Text"]
