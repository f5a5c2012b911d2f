//! The same network in the form that ONNX Runtime's CPU kernels run fastest; same weights, same
//! answers.
//!
//! On x86-64 those kernels work on blocks of 8 or 16 channels (`NCHWc`) and fall out of them, with
//! a reordering each way, for channel counts that do not fit, for a per-channel `PRelu`, and for
//! the product of a squeeze-and-excite block. So: channels are filled up with zeros; PReLU(x),
//! written as one node or as Relu, Mul, Mul, Add, becomes relu(x') + k·x' with x' = (1−a)·x scaled
//! inside the convolution before it, and k·x' a depthwise convolution; the factors of a
//! squeeze-and-excite block are spread over the picture by a `Resize`; and a scaling of the input
//! moves into the feed.
//!
//! It opens no file and judges no result: the runtime compares both forms before it trusts this
//! one. What it does not understand it leaves alone (`None`). Measured in decision 0055.

mod graph;
mod wire;

use graph::{Graph, Node, Weight};

use crate::spec::NetworkInput;

/// A rewritten network.
#[derive(Debug)]
pub(crate) struct Rewritten {
    pub(crate) bytes: Vec<u8>,
    /// The input as the network wants it is `x × gain + bias` of what it wanted before, per
    /// channel.
    pub(crate) gain: [f32; 3],
    pub(crate) bias: [f32; 3],
}

impl Rewritten {
    /// What the rewritten network is fed instead of `planes`.
    pub(crate) fn fed(&self, planes: &[f32]) -> Vec<f32> {
        let plane = (planes.len() / 3).max(1);
        planes
            .iter()
            .enumerate()
            .map(|(i, v)| v * self.gain[(i / plane).min(2)] + self.bias[(i / plane).min(2)])
            .collect()
    }

    /// Changes how pixels enter, so that the rewritten network gets what it wants.
    pub(crate) fn feed(&self, input: &mut NetworkInput) {
        for c in 0..3 {
            let std = input.std[c] / self.gain[c];
            input.mean[c] -= self.bias[c] * std;
            input.std[c] = std;
        }
    }
}

/// Numbers between 0 and 255 without a pattern, for one picture of that width and height.
pub(crate) fn trial((width, height): (u32, u32)) -> Vec<f32> {
    let mut state = 0x2545_F491_u32;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 24) as f32
    };
    (0..3 * width as usize * height as usize).map(|_| next()).collect()
}

/// Whether two forms of a network gave the same answer, but for rounding.
pub(crate) fn alike(a: &[f32], b: &[f32]) -> bool {
    let largest = a.iter().fold(0.0_f32, |most, v| most.max(v.abs()));
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= largest * 1e-4)
}

/// A slope nearer to 1 than this is left in the general form: 1/(1−a) would lose digits.
const STEEPEST: f32 = 0.99;

/// The network in blocks of `block` channels; `None`: it is better left as it is.
pub(crate) fn rewrite(bytes: &[u8], block: usize, may_rescale: bool) -> Option<Rewritten> {
    let mut graph = Graph::read(bytes)?;
    let (gain, bias) =
        if may_rescale { take_input_scaling(&mut graph) } else { ([1.0; 3], [0.0; 3]) };
    fold_general_form(&mut graph);
    graph.sizes()?;
    fill_channels(&mut graph, block as i64)?;
    split_slopes(&mut graph)?;
    spread_factors(&mut graph)?;
    Some(Rewritten { bytes: graph.write()?, gain, bias })
}

/// Takes `input × c + d` with a constant per channel off the network.
fn take_input_scaling(graph: &mut Graph) -> ([f32; 3], [f32; 3]) {
    let (mut gain, mut bias) = ([1.0; 3], [0.0; 3]);
    for _ in 0..2 {
        let input = graph.input.0.clone();
        let Some(first) = graph.nodes.iter().position(|node| node.inputs.first() == Some(&input))
        else {
            break;
        };
        let node = &graph.nodes[first];
        let constant = node.inputs.get(1).and_then(|name| graph.weights.get(name));
        let Some(constant) = constant.and_then(|w| <[f32; 3]>::try_from(w.values.as_slice()).ok())
        else {
            break;
        };
        match node.op.as_str() {
            _ if graph.readers(&input) != 1 => break,
            "Mul" => (gain, bias) = (times(gain, constant), times(bias, constant)),
            "Add" => bias = std::array::from_fn(|c| bias[c] + constant[c]),
            _ => break,
        }
        let output = graph.nodes.remove(first).outputs.remove(0);
        for name in
            graph.nodes.iter_mut().flat_map(|node| &mut node.inputs).filter(|name| **name == output)
        {
            name.clone_from(&input);
        }
    }
    (gain, bias)
}

fn times(a: [f32; 3], b: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|c| a[c] * b[c])
}

/// Relu, Mul, Mul, Add is a `PRelu` again.
fn fold_general_form(graph: &mut Graph) {
    let mut at = 0;
    while at < graph.nodes.len() {
        if let Some((x, slope)) = general_form(graph, at) {
            let [gone_a, gone_b] =
                [graph.nodes[at].inputs[0].clone(), graph.nodes[at].inputs[1].clone()];
            let relu = relu_of(graph, &gone_b);
            let output = graph.nodes[at].outputs[0].clone();
            graph.nodes[at] = Node::new("PRelu", &[&x, &slope], &output);
            let gone = |node: &Node| {
                [&gone_a, &gone_b].contains(&&node.outputs[0])
                    || Some(&node.outputs[0]) == relu.as_ref()
            };
            let before = graph.nodes.iter().take(at).filter(|node| gone(node)).count();
            graph.nodes.retain(|node| !gone(node));
            at -= before;
        }
        at += 1;
    }
}

fn maker<'g>(graph: &'g Graph, value: &str) -> Option<&'g Node> {
    graph.nodes.iter().find(|node| node.outputs[0] == value)
}

/// The Relu's output under `Mul(relu, b)`.
fn relu_of(graph: &Graph, product: &str) -> Option<String> {
    maker(graph, product)?.inputs.first().cloned()
}

/// `x` and the name of the slopes, where node `at` ends `x·a + relu(x)·(1−a)`.
fn general_form(graph: &Graph, at: usize) -> Option<(String, String)> {
    let sum = graph.nodes.get(at).filter(|node| node.op == "Add" && node.inputs.len() == 2)?;
    let (linear, bent) = (maker(graph, &sum.inputs[0])?, maker(graph, &sum.inputs[1])?);
    let relu = maker(graph, bent.inputs.first()?)?;
    let x = linear.inputs.first()?;
    let fits = linear.op == "Mul"
        && bent.op == "Mul"
        && relu.op == "Relu"
        && relu.inputs.first() == Some(x);
    let alone = [&sum.inputs[0], &sum.inputs[1], &relu.outputs[0]]
        .iter()
        .all(|name| graph.readers(name) == 1);
    let (slope, rest) = (linear.inputs.get(1)?, bent.inputs.get(1)?);
    let (a, b) = (graph.weights.get(slope)?, graph.weights.get(rest)?);
    let whole = a.values.len() == b.values.len()
        && a.values.iter().zip(&b.values).all(|(a, b)| (a + b - 1.0).abs() < 1e-5);
    (fits && alone && whole).then(|| (x.clone(), slope.clone()))
}

/// Fills every channel count up to a multiple of `block`, with weights of 0.
fn fill_channels(graph: &mut Graph, block: i64) -> Option<()> {
    let sizes = graph.sizes()?;
    let full = |count: i64| (count + block - 1) / block * block;
    let channels = |name: &str| sizes.get(name).map(|size| size[0]);
    for index in 0..graph.nodes.len() {
        let node = &mut graph.nodes[index];
        match node.op.as_str() {
            "Conv" => {
                let grouped = node.group() > 1;
                let [out, inner, ..] = graph.weights.get(&node.inputs[1])?.dims[..] else {
                    return None;
                };
                // Only whole depthwise convolutions stay what they are when channels are added.
                if grouped && (inner != 1 || node.group() != out) {
                    return None;
                }
                let inner_full =
                    if grouped || node.inputs[0] == graph.input.0 { inner } else { full(inner) };
                let names = node.inputs.clone();
                if grouped {
                    node.set_integer("group", full(out));
                }
                widen(graph.weights.get_mut(&names[1])?, full(out), inner_full);
                if let Some(bias) = names.get(2) {
                    widen(graph.weights.get_mut(bias)?, full(out), 1);
                }
            }
            "PRelu" | "Mul" | "Add" => {
                for name in node.inputs.clone() {
                    if let Some(weight) = graph.weights.get_mut(&name) {
                        fill_constant(weight, full)?;
                    }
                }
            }
            "Flatten" => {
                let count = channels(&node.inputs[0])?;
                (full(count) == count).then_some(())?;
            }
            _ => {}
        }
    }
    // What leaves the network keeps its shape.
    graph
        .outputs
        .iter()
        .all(|name| channels(name).is_none_or(|count| full(count) == count))
        .then_some(())
}

/// A constant of one number a channel, `[C,1,1]` or `[1,C,1,1]`, or a single number.
fn fill_constant(weight: &mut Weight, full: impl Fn(i64) -> i64) -> Option<()> {
    let count = weight.values.len() as i64;
    if count == 1 {
        return Some(());
    }
    let axis = weight.dims.len().checked_sub(3)?;
    (weight.dims[axis] == count).then_some(())?;
    weight.values.resize(full(count) as usize, 0.0);
    weight.dims[axis] = full(count);
    Some(())
}

/// Lengthens the first dimension to `out` and the second, where there is one, to `inner`.
fn widen(weight: &mut Weight, out: i64, inner: i64) {
    let old_inner = weight.dims.get(1).copied().unwrap_or(1);
    let kernel: i64 = weight.dims.iter().skip(2).product();
    let mut values = vec![0.0; (out * inner * kernel) as usize];
    for (old, new) in weight
        .values
        .chunks_exact((old_inner * kernel).max(1) as usize)
        .zip(values.chunks_exact_mut((inner * kernel).max(1) as usize))
    {
        new[..old.len()].copy_from_slice(old);
    }
    weight.values = values;
    weight.dims[0] = out;
    if let Some(dim) = weight.dims.get_mut(1) {
        *dim = inner;
    }
}

/// A per-channel `PRelu` after a convolution becomes relu(x') + k·x'.
fn split_slopes(graph: &mut Graph) -> Option<()> {
    let mut nodes = Vec::with_capacity(graph.nodes.len() * 2);
    for node in graph.nodes.clone() {
        if node.op != "PRelu" {
            nodes.push(node);
            continue;
        }
        let (x, output) = (&node.inputs[0], &node.outputs[0]);
        let slopes = graph.weights.get(&node.inputs[1])?.values.clone();
        let conv =
            maker(graph, x).filter(|made| made.op == "Conv" && graph.readers(x) == 1).cloned();
        let shared = |name: &String| {
            graph.nodes.iter().flat_map(|n| &n.inputs).filter(|i| *i == name).count() > 1
        };
        let conv = conv.filter(|c| !c.inputs[1..].iter().any(shared))?;
        let channels = graph.weights.get(&conv.inputs[1])?.dims[0];
        if slopes.iter().any(|a| !a.is_finite() || *a > STEEPEST) || slopes.len() as i64 != channels
        {
            return None;
        }
        for name in &conv.inputs[1..] {
            let weight = graph.weights.get_mut(name)?;
            let each = weight.values.len() / slopes.len();
            for (values, a) in weight.values.chunks_exact_mut(each.max(1)).zip(&slopes) {
                for value in values {
                    *value *= 1.0 - a;
                }
            }
        }
        let (relu, line, factors) =
            (format!("{output}/relu"), format!("{output}/line"), format!("{output}/factors"));
        let values = slopes.iter().map(|a| a / (1.0 - a)).collect();
        graph.weights.insert(factors.clone(), Weight { dims: vec![channels, 1, 1, 1], values });
        nodes.push(Node::new("Relu", &[x], &relu));
        let mut scaled = Node::new("Conv", &[x, &factors], &line);
        scaled.set_integer("group", channels);
        nodes.push(scaled);
        nodes.push(Node::new("Add", &[&line, &relu], output));
    }
    graph.nodes = nodes;
    Some(())
}

/// The factors of a squeeze-and-excite block, one a channel, become a picture as large as what they
/// multiply.
fn spread_factors(graph: &mut Graph) -> Option<()> {
    const NO_REGION: &str = "rewrite/no_region";
    let sizes = graph.sizes()?;
    let mut nodes = Vec::with_capacity(graph.nodes.len() + 16);
    for mut node in std::mem::take(&mut graph.nodes) {
        let size = |name: &str| sizes.get(name).map(|[_, height, width]| (*height, *width));
        if node.op == "Mul"
            && let (Some((height, width)), Some((1, 1))) =
                (size(&node.inputs[0]), size(&node.inputs[1]))
            && (height, width) != (1, 1)
        {
            let scales = format!("rewrite/scales_{height}x{width}");
            let values = vec![1.0, 1.0, height as f32, width as f32];
            graph.weights.entry(scales.clone()).or_insert(Weight { dims: vec![4], values });
            graph
                .weights
                .entry(NO_REGION.to_owned())
                .or_insert(Weight { dims: vec![0], values: Vec::new() });
            let spread = format!("{}/spread", node.outputs[0]);
            let resize = Node::new("Resize", &[&node.inputs[1], NO_REGION, &scales], &spread)
                .with_text("mode", "nearest")
                .with_text("coordinate_transformation_mode", "asymmetric")
                .with_text("nearest_mode", "floor");
            nodes.push(resize);
            node.inputs[1] = spread;
        }
        nodes.push(node);
    }
    graph.nodes = nodes;
    Some(())
}

#[cfg(test)]
mod tests;
