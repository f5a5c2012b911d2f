"""Builds an ONNX graph node by node and writes it down the same way each time. Never runs a model."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper


class Graph:
    """Nodes and constants in the order in which they are added; float32 throughout, one picture input, one output."""

    def __init__(self, name, producer, opset=11, ir_version=7):
        self.name, self.producer, self.opset, self.ir_version = name, producer, opset, ir_version
        self.nodes, self.constants = [], []

    def constant(self, name, values):
        array = np.ascontiguousarray(values, dtype=np.float32)
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, kind, inputs, output, name=None, **attributes):
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name or output, **attributes))
        return output

    def conv(self, source, weights, bias, output, group, stride, pad):
        """`weights` and `bias` are (name, array); no bias is None."""
        inputs = [source, self.constant(*weights)]
        if bias is not None:
            inputs.append(self.constant(*bias))
        kernel = list(weights[1].shape[2:])
        return self.node("Conv", inputs, output, dilations=[1, 1], group=group, kernel_shape=kernel,
                         pads=list(pad) * 2, strides=list(stride))

    def model(self, source, picture, output, length):
        """The model with a free batch: `source` is [batch, 3, *picture], `output` is [batch, length]."""
        inputs = [helper.make_tensor_value_info(source, TensorProto.FLOAT, ["batch", 3, *picture])]
        outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", length])]
        graph = helper.make_graph(self.nodes, self.name, inputs, outputs, self.constants)
        made = helper.make_model(graph, producer_name=self.producer,
                                 opset_imports=[helper.make_opsetid("", self.opset)])
        made.ir_version = self.ir_version
        return made
