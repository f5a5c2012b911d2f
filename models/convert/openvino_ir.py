"""OpenVINO IR version 11 (.xml with .bin, FP16) to ONNX, for the layers that face-reidentification-retail-0095 has.

Reads only what it knows and refuses the rest by name; never executes anything that a file says.
"""

import xml.etree.ElementTree as ElementTree

import numpy as np

from graph import Graph


def numbers(text):
    return [int(part) for part in text.split(",")]


class Network:
    """Layers by id, their inputs by port, and the constants already widened to float32."""

    def __init__(self, xml_path, bin_path):
        root = ElementTree.parse(xml_path).getroot()
        if root.get("version") != "11":
            raise ValueError(f"{xml_path}: IR version {root.get('version')}, only 11 is known")
        with open(bin_path, "rb") as file:
            self.weights = file.read()
        self.layers = {int(layer.get("id")): layer for layer in root.find("layers")}
        self.inputs = {number: [] for number in self.layers}
        for edge in root.find("edges"):
            port, source = int(edge.get("to-port")), int(edge.get("from-layer"))
            self.inputs[int(edge.get("to-layer"))].append((port, source))
        for ports in self.inputs.values():
            ports.sort()

    def kind(self, number):
        return self.layers[number].get("type")

    def data(self, number):
        return self.layers[number].find("data").attrib

    def sources(self, number):
        return [source for _, source in self.inputs[number]]

    def users(self, number):
        return [user for user, ports in self.inputs.items() if number in [source for _, source in ports]]

    def constant(self, number):
        """The array of a Const, seen through its widening Convert; None for anything else."""
        if self.kind(number) == "Convert":
            return self.constant(self.sources(number)[0])
        if self.kind(number) != "Const":
            return None
        data = self.data(number)
        if data["element_type"] != "f16":
            raise ValueError(f"layer {number}: a constant of {data['element_type']}, only f16 is known")
        start, size = int(data["offset"]), int(data["size"])
        shape = numbers(data["shape"])
        if start + size > len(self.weights) or size != 2 * int(np.prod(shape)):
            raise ValueError(f"layer {number}: its constant lies outside the .bin; is the file truncated?")
        return np.frombuffer(self.weights, np.float16, size // 2, start).reshape(shape).astype(np.float32)


def convert(xml_path, bin_path, name, picture, length):
    """The network as an ONNX model with input `input` and output `embedding` [batch, length]."""
    network = Network(xml_path, bin_path)
    graph = Graph(name, "ir2onnx")
    tensors = {}
    for number in sorted(network.layers):
        if network.kind(number) not in ("Const", "Convert"):
            tensors[number] = layer(network, graph, tensors, number)
    return graph.model("input", picture, "embedding", length)


def layer(network, graph, tensors, number):
    """Adds one layer and returns its tensor's name. A bias is taken into the convolution before it."""
    kind, sources, output = network.kind(number), network.sources(number), f"t{number}"
    if kind == "Parameter":
        return "input"
    if kind == "Result":
        return graph.node("Flatten", [tensors[sources[0]]], "embedding", name="flatten", axis=1)
    if kind in ("Convolution", "GroupConvolution"):
        return convolution(network, graph, tensors, number)
    if kind == "Add" and bias_of(network, sources[0]) == number:
        return tensors[sources[0]]
    if kind in ("Add", "Multiply"):
        operands = [operand(network, graph, tensors, number, port, source) for port, source in network.inputs[number]]
        return graph.node("Mul" if kind == "Multiply" else "Add", operands, output)
    if kind == "PReLU":
        slope = graph.constant(f"s{number}", network.constant(sources[1]).reshape(-1, 1, 1))
        return graph.node("PRelu", [tensors[sources[0]], slope], output)
    if kind == "AvgPool":
        return pool(network, graph, tensors, number)
    if kind == "Sigmoid":
        return graph.node("Sigmoid", [tensors[sources[0]]], output)
    raise ValueError(f"layer {number}: {kind} is not known")


def operand(network, graph, tensors, number, port, source):
    array = network.constant(source)
    return tensors[source] if array is None else graph.constant(f"c{number}_{port}", array)


def bias_of(network, number):
    """The Add that is nothing but this convolution's bias, if there is one."""
    if network.kind(number) not in ("Convolution", "GroupConvolution"):
        return None
    users = network.users(number)
    if len(users) != 1 or network.kind(users[0]) != "Add":
        return None
    array = network.constant(network.sources(users[0])[1])
    return users[0] if array is not None and array.size == array.shape[1] else None


def convolution(network, graph, tensors, number):
    data, (source, weights) = network.data(number), network.sources(number)
    if data["auto_pad"] != "explicit" or data["pads_begin"] != data["pads_end"] or numbers(data["dilations"]) != [1, 1]:
        raise ValueError(f"layer {number}: only explicit, symmetric padding without dilation is known")
    array, group = network.constant(weights), 1
    if network.kind(number) == "GroupConvolution":
        group = array.shape[0]
        array = array.reshape(-1, *array.shape[2:])
    add = bias_of(network, number)
    bias = None if add is None else (f"b{add}", network.constant(network.sources(add)[1]).reshape(-1))
    return graph.conv(tensors[source], (f"w{number}", array), bias, f"t{number}", group,
                      numbers(data["strides"]), numbers(data["pads_begin"]))


def pool(network, graph, tensors, number):
    """An average over the whole picture; any other pooling is refused."""
    shape = [int(dim.text) for dim in network.layers[number].find("input").iter("dim")]
    if numbers(network.data(number)["kernel"]) != shape[2:]:
        raise ValueError(f"layer {number}: only a pooling over the whole picture is known")
    return graph.node("GlobalAveragePool", [tensors[network.sources(number)[0]]], f"t{number}")
