"""What is lived: recorded data, tasks with answers, later worlds and bodies."""

from anlage.experience.experience import Experience, Labelled, RecordedExperience, Recording
from anlage.experience.image import Digits, Mnist
from anlage.experience.memory import MemoryCapacity
from anlage.experience.problem import Problem, Task
from anlage.experience.speech import SpokenDigits
from anlage.experience.still_image import StillImages
from anlage.experience.text import Text

__all__ = [
    "Digits",
    "Experience",
    "Labelled",
    "MemoryCapacity",
    "Mnist",
    "Problem",
    "RecordedExperience",
    "Recording",
    "SpokenDigits",
    "StillImages",
    "Task",
    "Text",
]
