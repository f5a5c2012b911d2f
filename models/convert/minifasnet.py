"""MiniFASNet V2 and V1SE as ONNX graphs, from their published architecture and a table of tensors.

Widths are read from the tensors themselves; batch norms are folded into the convolutions before them.
"""

import numpy as np

from graph import Graph

EPSILON = 1e-5
# Stages of depth-wise blocks: (name in the file, number of residual blocks; 0 for a single one that halves the picture).
STAGES = [("conv_23", 0), ("conv_3", 4), ("conv_34", 0), ("conv_4", 6), ("conv_45", 0), ("conv_5", 2)]


def convert(tensors):
    """The network with input `input` [batch, 3, 80, 80], pixels 0-255 in BGR, and output `logits` [batch, 3]."""
    return Net(tensors).build()


class Net:
    def __init__(self, tensors):
        prefix = "module." if "module.conv1.conv.weight" in tensors else ""
        self.tensors = {name[len(prefix):]: array for name, array in tensors.items()}
        self.graph = Graph("g", "pth2onnx")
        self.count = 0

    def fresh(self, letter):
        """Constants and results share one running number."""
        self.count += 1
        return f"{letter}{self.count}"

    def build(self):
        x = self.activated("conv1", "input", stride=2, pad=1)
        x = self.activated("conv2_dw", x, pad=1, depthwise=True)
        for stage, blocks in STAGES:
            if blocks == 0:
                x = self.depth_wise(stage, x, stride=2)
            for block in range(blocks):
                x = self.residual(f"{stage}.model.{block}", x)
        x = self.activated("conv_6_sep", x)
        x = self.folded("conv_6_dw.conv", "conv_6_dw.bn", x, depthwise=True)
        x = self.graph.node("Flatten", [x], self.fresh("t"), axis=1)
        self.head(x)
        return self.graph.model("input", (80, 80), "logits", 3)

    def residual(self, name, x):
        y = self.depth_wise(name, x)
        if f"{name}.se_module.fc1.weight" in self.tensors:
            y = self.squeeze(f"{name}.se_module", y)
        return self.graph.node("Add", [x, y], self.fresh("t"))

    def depth_wise(self, name, x, stride=1):
        x = self.activated(f"{name}.conv", x)
        x = self.activated(f"{name}.conv_dw", x, stride=stride, pad=1, depthwise=True)
        return self.folded(f"{name}.project.conv", f"{name}.project.bn", x)

    def squeeze(self, name, x):
        y = self.graph.node("GlobalAveragePool", [x], self.fresh("t"))
        y = self.folded(f"{name}.fc1", f"{name}.bn1", y)
        y = self.graph.node("Relu", [y], self.fresh("t"))
        y = self.folded(f"{name}.fc2", f"{name}.bn2", y)
        y = self.graph.node("Sigmoid", [y], self.fresh("t"))
        return self.graph.node("Mul", [x, y], self.fresh("t"))

    def activated(self, name, x, **how):
        x = self.folded(f"{name}.conv", f"{name}.bn", x, **how)
        slope = self.graph.constant(self.fresh("w"), self.tensors[f"{name}.prelu.weight"].reshape(-1, 1, 1))
        return self.graph.node("PRelu", [x, slope], self.fresh("t"))

    def folded(self, conv, norm, x, stride=1, pad=0, depthwise=False):
        weights = self.tensors[f"{conv}.weight"]
        scale, shift = self.norm(norm)
        folded = (weights * scale.reshape(-1, 1, 1, 1)).astype(np.float32)
        names = self.fresh("w"), self.fresh("w")
        return self.graph.conv(x, (names[0], folded), (names[1], shift), self.fresh("t"),
                               group=len(weights) if depthwise else 1, stride=(stride, stride), pad=(pad, pad))

    def norm(self, name):
        """A batch norm as y = scale * x + shift."""
        gamma, beta, mean, variance = (
            self.tensors[f"{name}.{part}"].astype(np.float64) for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = gamma / np.sqrt(variance + EPSILON)
        return scale, beta - mean * scale

    def head(self, x):
        """Linear, batch norm and linear are one matrix."""
        scale, shift = self.norm("bn")
        last = self.tensors["prob.weight"].astype(np.float64)
        weights = last @ (scale[:, None] * self.tensors["linear.weight"].astype(np.float64))
        names = self.graph.constant(self.fresh("w"), weights), self.graph.constant(self.fresh("w"), last @ shift)
        self.graph.node("Gemm", [x, *names], "logits", name=self.fresh("t"), transB=1)

