//! An ONNX graph as far as it is rewritten here: nodes, `f32` weights, and the sizes of what flows
//! between them. A file that holds anything else is `None`, and is then used as it is.

use std::collections::BTreeMap;

use super::wire::{WireMessage, WireValue};

// Field numbers of onnx.proto3 (ONNX 1.18).
const MODEL_GRAPH: u64 = 7;
const MODEL_OPSET: u64 = 8;
const GRAPH_NODE: u64 = 1;
const GRAPH_WEIGHT: u64 = 5;
const GRAPH_INPUT: u64 = 11;
const GRAPH_OUTPUT: u64 = 12;
const GRAPH_VALUE: u64 = 13;
const FLOAT: i64 = 1;
/// First version of `Resize` that has the attributes written here.
const OPSET: i64 = 11;

#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) op: String,
    pub(super) inputs: Vec<String>,
    pub(super) outputs: Vec<String>,
    pub(super) attributes: Vec<WireMessage>,
}

impl Node {
    pub(super) fn new(op: &str, inputs: &[&str], output: &str) -> Self {
        Self {
            op: op.to_owned(),
            inputs: inputs.iter().map(|&i| i.to_owned()).collect(),
            outputs: vec![output.to_owned()],
            attributes: Vec::new(),
        }
    }

    pub(super) fn with_text(mut self, name: &str, text: &str) -> Self {
        let attribute = WireMessage::default().with_text(1, name).with_text(4, text);
        self.attributes.push(attribute.with(20, WireValue::Varint(3)));
        self
    }

    pub(super) fn integers(&self, name: &str) -> Option<Vec<i64>> {
        let attribute = self.attributes.iter().find(|a| a.text(1) == name)?;
        let (one, many) = (attribute.integers(3)?, attribute.integers(8)?);
        Some(if many.is_empty() { one } else { many })
    }

    pub(super) fn set_integer(&mut self, name: &str, value: i64) {
        self.attributes.retain(|a| a.text(1) != name);
        let attribute =
            WireMessage::default().with_text(1, name).with(3, WireValue::Varint(value as u64));
        self.attributes.push(attribute.with(20, WireValue::Varint(2)));
    }

    pub(super) fn group(&self) -> i64 {
        self.integers("group").and_then(|g| g.first().copied()).unwrap_or(1)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let message = WireMessage::read(bytes)?;
        let attributes = message.all(5).map(|value| match value {
            WireValue::Bytes(bytes) => WireMessage::read(bytes),
            _ => None,
        });
        let node = Self {
            op: message.text(4),
            inputs: message.texts(1),
            outputs: message.texts(2),
            attributes: attributes.collect::<Option<_>>()?,
        };
        // An operator of another domain is none that is known here.
        (message.text(7).is_empty() && node.outputs.len() == 1).then_some(node)
    }

    fn write(&self) -> WireValue {
        let mut message = WireMessage::default();
        for input in &self.inputs {
            message = message.with_text(1, input);
        }
        for output in &self.outputs {
            message = message.with_text(2, output);
        }
        message = message.with_text(4, &self.op);
        for attribute in &self.attributes {
            message = message.with(5, WireValue::Bytes(attribute.write()));
        }
        WireValue::Bytes(message.write())
    }
}

/// Constant numbers.
#[derive(Debug, Clone)]
pub(super) struct Weight {
    pub(super) dims: Vec<i64>,
    pub(super) values: Vec<f32>,
}

impl Weight {
    fn read(bytes: &[u8]) -> Option<(String, Self)> {
        let message = WireMessage::read(bytes)?;
        if message.integers(2)? != [FLOAT] {
            return None;
        }
        // Either raw little-endian bytes, or packed floats, which are the same bytes.
        let raw = message.bytes(9).or_else(|| message.bytes(4)).unwrap_or_default();
        let values: Vec<f32> =
            raw.as_chunks().0.iter().map(|four| f32::from_le_bytes(*four)).collect();
        let dims = message.integers(1)?;
        let fits = dims.iter().try_fold(1_i64, |all, d| all.checked_mul(*d))
            == i64::try_from(values.len()).ok();
        fits.then_some((message.text(8), Self { dims, values }))
    }

    fn write(&self, name: &str) -> WireValue {
        let mut message = WireMessage::default();
        for dim in &self.dims {
            message = message.with(1, WireValue::Varint(*dim as u64));
        }
        let raw = self.values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let message = message
            .with(2, WireValue::Varint(FLOAT as u64))
            .with_text(8, name)
            .with(9, WireValue::Bytes(raw));
        WireValue::Bytes(message.write())
    }
}

#[derive(Debug, Clone)]
pub(super) struct Graph {
    model: WireMessage,
    /// The graph's other fields.
    rest: WireMessage,
    pub(super) nodes: Vec<Node>,
    pub(super) weights: BTreeMap<String, Weight>,
    /// Name of the one picture input, and its channels, height and width.
    pub(super) input: (String, [i64; 3]),
    pub(super) outputs: Vec<String>,
}

impl Graph {
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let model = WireMessage::read(bytes)?;
        let opset = model.message(MODEL_OPSET)?;
        if !opset.text(1).is_empty()
            || opset.integers(2)?.first().is_none_or(|version| *version < OPSET)
        {
            return None;
        }
        let graph = model.message(MODEL_GRAPH)?;
        let parts = |number: u64| {
            graph
                .all(number)
                .filter_map(|v| if let WireValue::Bytes(b) = v { Some(b) } else { None })
        };
        let nodes = parts(GRAPH_NODE).map(|bytes| Node::read(bytes)).collect::<Option<_>>()?;
        let weights: BTreeMap<_, _> =
            parts(GRAPH_WEIGHT).map(|b| Weight::read(b)).collect::<Option<_>>()?;
        let mut inputs = parts(GRAPH_INPUT)
            .filter_map(|b| WireMessage::read(b))
            .filter(|i| !weights.contains_key(&i.text(1)));
        let input = inputs.next()?;
        let dims = dims_of(&input)?;
        let &[_, channels, height, width] = dims.as_slice() else { return None };
        if inputs.next().is_some() || channels < 1 || height < 1 || width < 1 {
            return None;
        }
        let outputs =
            parts(GRAPH_OUTPUT).filter_map(|b| WireMessage::read(b)).map(|o| o.text(1)).collect();
        let input = (input.text(1), [channels, height, width]);
        Some(Self { nodes, weights, input, outputs, model: model.clone(), rest: graph.clone() })
    }

    /// The whole file again, for pictures one at a time.
    pub(super) fn write(&self) -> Option<Vec<u8>> {
        let mut graph = self.rest.clone();
        graph.0.retain(|(field, _)| ![GRAPH_NODE, GRAPH_WEIGHT, GRAPH_VALUE].contains(field));
        for (field, value) in &mut graph.0 {
            if let (GRAPH_INPUT | GRAPH_OUTPUT, WireValue::Bytes(bytes)) = (*field, value) {
                *bytes = one_at_a_time(WireMessage::read(bytes)?)?.write();
            }
        }
        graph.0.extend(self.nodes.iter().map(|node| (GRAPH_NODE, node.write())));
        let used = |name: &str| self.nodes.iter().any(|node| node.inputs.iter().any(|i| i == name));
        let weights = self.weights.iter().filter(|(name, _)| used(name));
        graph.0.extend(weights.map(|(name, weight)| (GRAPH_WEIGHT, weight.write(name))));
        let mut model = self.model.clone();
        model.set(MODEL_GRAPH, WireValue::Bytes(graph.write()));
        Some(model.write())
    }

    /// The nodes that read a value.
    pub(super) fn readers(&self, name: &str) -> usize {
        let used =
            self.nodes.iter().flat_map(|node| &node.inputs).filter(|input| *input == name).count();
        used + usize::from(self.outputs.iter().any(|output| output == name))
    }

    /// Channels, height and width of every picture-shaped value; `None` where an operator is not
    /// known here.
    pub(super) fn sizes(&self) -> Option<BTreeMap<String, [i64; 3]>> {
        let mut sizes = BTreeMap::from([self.input.clone()]);
        for node in &self.nodes {
            let of = |index: usize| sizes.get(node.inputs.get(index)?).copied();
            let size = match node.op.as_str() {
                "Conv" => Some(self.convolved(node, of(0)?)?),
                "GlobalAveragePool" => of(0).map(|[channels, ..]| [channels, 1, 1]),
                "Relu" | "LeakyRelu" | "PRelu" | "Sigmoid" => Some(of(0)?),
                "Mul" | "Add" => {
                    let larger =
                        |a: [i64; 3], b: [i64; 3]| if a[1] * a[2] >= b[1] * b[2] { a } else { b };
                    Some(match (of(0), of(1)) {
                        (Some(a), Some(b)) => larger(a, b),
                        (Some(a), None) | (None, Some(a)) => a,
                        (None, None) => return None,
                    })
                }
                "Flatten" | "Gemm" => None,
                _ => return None,
            };
            if let Some(size) = size {
                sizes.insert(node.outputs.first()?.clone(), size);
            }
        }
        Some(sizes)
    }

    fn convolved(&self, node: &Node, [_, height, width]: [i64; 3]) -> Option<[i64; 3]> {
        let &[out, _, kernel_h, kernel_w] = self.weights.get(node.inputs.get(1)?)?.dims.as_slice()
        else {
            return None;
        };
        let pads = node.integers("pads").unwrap_or(vec![0; 4]);
        let strides = node.integers("strides").unwrap_or(vec![1; 2]);
        let plain = node.integers("dilations").is_none_or(|d| d.iter().all(|d| *d == 1));
        if !plain
            || pads.len() != 4
            || strides.len() != 2
            || strides.contains(&0)
            || node.inputs.len() != 3 && node.inputs.len() != 2
        {
            return None;
        }
        let side = |size: i64, before: i64, after: i64, kernel: i64, stride: i64| {
            (size + before + after - kernel) / stride + 1
        };
        Some([
            out,
            side(height, pads[0], pads[2], kernel_h, strides[0]),
            side(width, pads[1], pads[3], kernel_w, strides[1]),
        ])
    }
}

/// The dimensions of an input or output; -1 where they are open.
fn dims_of(value: &WireMessage) -> Option<Vec<i64>> {
    let shape = value.message(2)?.message(1)?.message(2)?;
    let dim = |value: &WireValue| match value {
        WireValue::Bytes(bytes) => {
            Some(WireMessage::read(bytes)?.integers(1)?.first().copied().unwrap_or(-1))
        }
        _ => None,
    };
    shape.all(1).map(dim).collect()
}

/// Sets the first dimension to 1.
fn one_at_a_time(mut value: WireMessage) -> Option<WireMessage> {
    let (mut kind, mut tensor) = (value.message(2)?, value.message(2)?.message(1)?);
    let mut shape = tensor.message(2)?;
    if let Some((_, first)) = shape.0.iter_mut().find(|(field, _)| *field == 1) {
        *first = WireValue::Bytes(WireMessage::default().with(1, WireValue::Varint(1)).write());
    }
    tensor.set(2, WireValue::Bytes(shape.write()));
    kind.set(1, WireValue::Bytes(tensor.write()));
    value.set(2, WireValue::Bytes(kind.write()));
    Some(value)
}
