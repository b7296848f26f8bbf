"""Every task by the word that a recipe calls it."""

from collections.abc import Mapping

from anlage.experience.chess_moves import ChessMoves
from anlage.experience.chess_value import ChessValue
from anlage.experience.few_shot import FewShot
from anlage.experience.item_recall import ItemRecall
from anlage.experience.mackey_glass import MackeyGlass
from anlage.experience.memory_capacity import MemoryCapacity
from anlage.experience.narma import Narma
from anlage.experience.next_byte import NextByte
from anlage.experience.odour import Odours
from anlage.experience.path_integration import PathIntegration
from anlage.experience.spoken_digit_naming import SpokenDigitNaming
from anlage.experience.still_image import ImageRows, StillImages
from anlage.experience.three_body import ThreeBody

TASKS: Mapping[str, type] = {
    "memory-capacity": MemoryCapacity,
    "narma-10": Narma,
    "mackey-glass": MackeyGlass,
    "three-body": ThreeBody,
    "item-recall": ItemRecall,
    "path-integration": PathIntegration,
    "still-images": StillImages,
    "image-rows": ImageRows,
    "few-shot": FewShot,
    "spoken-digit-naming": SpokenDigitNaming,
    "odours": Odours,
    "next-byte": NextByte,
    "chess-value": ChessValue,
    "chess-moves": ChessMoves,
}
