"""Checks the files of exported agents with the programs that they are for.

    python check.py FOLDER [FOLDER ...]

Each folder is one of `experiments export RUN --to numpy|torch|onnx`. What the files give in
the steps of check.npz must be what metarl gave, within 1e-5 (of values, times 1 + their size, as
float32 has them), in batches of any size. Needs numpy, and onnxruntime or torch where such files
are given.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np

LIMIT = 1e-5


def module(folder):
    """agent.py of a folder; those of several folders have one name."""
    spec = importlib.util.spec_from_file_location(f"agent_{abs(hash(folder))}", folder / "agent.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def softmax(x):
    x = np.exp(x - x.max(axis=1, keepdims=True))
    return x / x.sum(axis=1, keepdims=True)


def onnx(folder):
    """The largest difference under onnxruntime, all lanes at once and one by one."""
    import onnxruntime

    model = onnxruntime.InferenceSession(folder / "agent.onnx", providers=["CPUExecutionProvider"])
    seen = np.load(folder / "check.npz")
    inputs = {of.name: of.shape for of in model.get_inputs()}
    assert all(shape[0] == "batch" for shape in inputs.values()), inputs
    discrete = "probabilities" in seen
    worst = 0.0
    lanes = seen["value"].shape[1]
    for batch in [range(lanes), *([lane] for lane in range(lanes))]:
        batch = list(batch)
        state = np.zeros((len(batch), inputs["state"][1]), np.float32)
        for t, begins in enumerate(seen["trial_begins"][:, batch]):
            told = {name: seen[name][t][batch] for name in inputs if name != "state"}
            told["state"] = state * (1 - begins[:, None])
            names = [of.name for of in model.get_outputs()]
            given = dict(zip(names, model.run(None, told)))
            state = given["next_state"]
            policy = softmax(given["logits"]) if discrete else given["mean"]
            expected = seen["probabilities" if discrete else "mean"][t][batch]
            worst = max(worst, abs(policy - expected).max())
            values = seen["value"][t][batch]
            worst = max(worst, (abs(given["value"] - values) / (1 + abs(values))).max())
    return float(worst)


def main(folders):
    for folder in map(Path, folders):
        if (folder / "agent.onnx").exists():
            kind, worst = "onnxruntime", onnx(folder)
        else:
            loaded = module(folder)
            kind = "torch" if hasattr(loaded, "Agent") else "numpy"
            worst = loaded.check()
        print(f"{worst:.1e}  {kind:11}  {folder}")
        assert worst < LIMIT, f"{folder}: {worst}"


if __name__ == "__main__":
    main(sys.argv[1:])
