def instruction_set() -> str: ...
def instruction_sets() -> list[str]: ...
def select(name: str, /) -> None: ...
def product(
    start: int,
    other: int,
    n: int,
    weight: int,
    x: int,
    x_stride: int,
    plus: int,
    plus_stride: int,
    y: int,
    y_stride: int,
    batch: int,
    threads: int,
    /,
) -> None: ...
def edges(
    start: int,
    other: int,
    n: int,
    y: int,
    y_stride: int,
    x: int,
    x_stride: int,
    out: int,
    batch: int,
    threads: int,
    /,
) -> None: ...
