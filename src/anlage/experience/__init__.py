"""What is lived: recorded data, tasks that ask about it, later worlds and bodies."""

from anlage.experience.catalogue import TASKS
from anlage.experience.experience import (
    Experience,
    Labelled,
    RecordedExperience,
    Recording,
    SharedExperience,
    SharedWorld,
)
from anlage.experience.image import Digits, Mnist
from anlage.experience.paired import Paired, PairedWorld
from anlage.experience.problem import Problem, Task
from anlage.experience.speech import SpokenDigits
from anlage.experience.swimming import Swimming
from anlage.experience.text import Text
from anlage.experience.video import Video
from anlage.experience.watched import Watched

__all__ = [
    "TASKS",
    "Digits",
    "Experience",
    "Labelled",
    "Mnist",
    "Paired",
    "PairedWorld",
    "Problem",
    "RecordedExperience",
    "Recording",
    "SharedExperience",
    "SharedWorld",
    "SpokenDigits",
    "Swimming",
    "Task",
    "Text",
    "Video",
    "Watched",
]
