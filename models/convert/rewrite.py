"""Rewrites PRelu, which is slow in ONNX Runtime's CPU provider, as nodes that are fast. Never changes what is computed.

A PRelu with one slope for all channels is a LeakyRelu (the same to the bit). With a slope per channel,
prelu(x) = slope * x + (1 - slope) * relu(x), which differs by rounding only.
"""

import numpy as np
from onnx import helper, numpy_helper


def leaky(model):
    """Every PRelu with a single slope as a LeakyRelu."""
    slopes = constants(model)

    def replaced(node):
        slope = slopes[node.input[1]]
        if slope.size != 1:
            raise ValueError(f"{node.name}: {slope.size} slopes; a LeakyRelu has one")
        alpha = float(slope.reshape(-1)[0])
        return [helper.make_node("LeakyRelu", [node.input[0]], list(node.output), name=node.name, alpha=alpha)], []

    return rewritten(model, replaced)


def fast(model):
    """Every PRelu as Relu, Mul, Mul, Add."""
    slopes = constants(model)

    def replaced(node):
        slope, (x, _), (y,) = slopes[node.input[1]], node.input, node.output
        nodes = [
            helper.make_node("Relu", [x], [f"{y}_r"]),
            helper.make_node("Mul", [x, f"{y}_a"], [f"{y}_m"]),
            helper.make_node("Mul", [f"{y}_r", f"{y}_b"], [f"{y}_n"]),
            helper.make_node("Add", [f"{y}_m", f"{y}_n"], [y]),
        ]
        added = [
            numpy_helper.from_array(slope, f"{y}_a"),
            numpy_helper.from_array((np.float32(1) - slope).astype(np.float32), f"{y}_b"),
        ]
        return nodes, added

    return rewritten(model, replaced)


def constants(model):
    return {constant.name: numpy_helper.to_array(constant) for constant in model.graph.initializer}


def rewritten(model, replaced):
    """The model with each PRelu replaced by (nodes, constants); slopes that nobody uses any more are dropped."""
    nodes, added, slopes = [], [], set()
    for node in model.graph.node:
        if node.op_type != "PRelu":
            nodes.append(node)
            continue
        new_nodes, new_constants = replaced(node)
        nodes += new_nodes
        added += new_constants
        slopes.add(node.input[1])
    kept = [constant for constant in model.graph.initializer if constant.name not in slopes]
    del model.graph.node[:], model.graph.initializer[:]
    model.graph.node.extend(nodes)
    model.graph.initializer.extend(kept + added)
    return model
