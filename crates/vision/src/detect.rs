//! Faces in a frame: feeding a `YuNet`-shaped detector, decoding its anchors, and non-maximum
//! suppression. It never says who a face is and never keeps a picture.

use crate::{
    error::VisionError,
    frame::Frame,
    runtime::{Expect, Net, Outputs, Runtime},
    sample,
    scale::Scaler,
    spec::{DetectorSpec, NetworkInput},
    wiped::wipe,
};

const STRIDES: [u32; 3] = [8, 16, 32];
const OUTPUTS: [[&str; 4]; 3] = [
    ["cls_8", "obj_8", "bbox_8", "kps_8"],
    ["cls_16", "obj_16", "bbox_16", "kps_16"],
    ["cls_32", "obj_32", "bbox_32", "kps_32"],
];
/// The size that the network is tried with when it is opened.
const TRIAL_PX: u32 = 64;

/// An upright rectangle in frame pixels; it may reach outside the frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rect {
    pub x: f32,
    pub y: f32,
    pub width: f32,
    pub height: f32,
}

impl Rect {
    pub fn area(&self) -> f32 {
        self.width.max(0.0) * self.height.max(0.0)
    }

    pub fn centre(&self) -> [f32; 2] {
        [self.x + self.width / 2.0, self.y + self.height / 2.0]
    }

    /// Shared area over joint area, 0-1.
    pub fn iou(&self, other: &Self) -> f32 {
        let width = (self.x + self.width).min(other.x + other.width) - self.x.max(other.x);
        let height = (self.y + self.height).min(other.y + other.height) - self.y.max(other.y);
        let shared = width.max(0.0) * height.max(0.0);
        let joint = self.area() + other.area() - shared;
        if joint > 0.0 { shared / joint } else { 0.0 }
    }
}

/// One detected face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FaceBox {
    pub rect: Rect,
    /// Detector score, 0-1.
    pub score: f32,
    /// Image-left eye, image-right eye, nose, left and right mouth corner, in frame pixels.
    pub landmarks: [[f32; 2]; 5],
}

/// An open detector with its buffers.
#[derive(Debug)]
pub struct Detector {
    net: Net,
    spec: DetectorSpec,
    /// Frames are scaled down to at most this width or height; 0 means never.
    longest_side_px: u32,
    planes: Vec<f32>,
    scaler: Scaler,
    candidates: Vec<FaceBox>,
    not_finite: u64,
    /// What the network was fed last.
    net_size: (u32, u32),
}

impl Detector {
    /// Opens the network. `longest_side_px` is the configured detection size (320-1280; 0: as the
    /// frame is).
    pub fn load(
        runtime: &Runtime,
        spec: &DetectorSpec,
        longest_side_px: u32,
    ) -> Result<Self, VisionError> {
        let size = match (spec.input.width, spec.input.height) {
            (0, 0) => (TRIAL_PX, TRIAL_PX),
            fixed => fixed,
        };
        let cells = |stride: u32| (size.0 / stride * (size.1 / stride)) as usize;
        let outputs: Vec<(&str, usize)> = OUTPUTS
            .iter()
            .zip(STRIDES)
            .flat_map(|(names, stride)| {
                names.iter().zip([1, 1, 4, 10]).map(move |(name, n)| (*name, n * cells(stride)))
            })
            .collect();
        let net = runtime.open(
            &spec.model,
            &Expect {
                role: "detector",
                size,
                seldom: false,
                any_size: spec.input.width == 0,
                outputs: &outputs,
            },
        )?;
        Ok(Self {
            net,
            spec: spec.clone(),
            longest_side_px,
            planes: Vec::new(),
            scaler: Scaler::default(),
            candidates: Vec::new(),
            not_finite: 0,
            net_size: (0, 0),
        })
    }

    /// The faces of a frame, best score first.
    pub fn detect(&mut self, frame: Frame<'_>) -> Result<Vec<FaceBox>, VisionError> {
        let mut faces = Vec::new();
        self.detect_into(frame, &mut faces)?;
        Ok(faces)
    }

    /// [`Detector::detect`] into a vector that is used again.
    pub fn detect_into(
        &mut self,
        frame: Frame<'_>,
        faces: &mut Vec<FaceBox>,
    ) -> Result<(), VisionError> {
        let (width, height) = self.working_size(frame);
        let net_size = match (self.spec.input.width, self.spec.input.height) {
            (0, 0) => (width.next_multiple_of(32), height.next_multiple_of(32)),
            fixed => fixed,
        };
        self.feed(frame, (width, height), net_size);
        self.net_size = net_size;
        let (threshold, candidates) = (self.spec.score_threshold, &mut self.candidates);
        candidates.clear();
        self.not_finite += self.net.run(net_size, &self.planes, |outputs| {
            decode(outputs, net_size, threshold, candidates)
        })?;
        let back = (frame.width() as f32 / width as f32, frame.height() as f32 / height as f32);
        suppress(&mut self.candidates, self.spec.nms_threshold, faces);
        for face in faces.iter_mut() {
            scale_face(face, back);
        }
        Ok(())
    }

    /// Overwrites the last frame, which the next one would: for when none may be left of somebody.
    pub fn wipe(&mut self) {
        wipe(&mut self.planes);
        self.scaler.wipe();
    }

    #[doc(hidden)]
    pub fn holds_pixels(&self) -> bool {
        self.planes.iter().any(|value| *value != 0.0)
    }

    /// Runs the network again on the last frame: the floor that benchmarks compare with.
    #[doc(hidden)]
    pub fn run_again(&mut self) -> Result<(), VisionError> {
        self.net.run(self.net_size, &self.planes, |_| Ok(()))
    }

    /// How many detections were dropped because the network answered NaN or infinity.
    pub fn dropped_not_finite(&self) -> u64 {
        self.not_finite
    }

    fn working_size(&self, frame: Frame<'_>) -> (u32, u32) {
        let NetworkInput { width, height, .. } = self.spec.input;
        let mut scale = 1.0_f64;
        if self.longest_side_px > 0 {
            let longest = frame.width().max(frame.height());
            scale = scale.min(f64::from(self.longest_side_px) / f64::from(longest));
        }
        if width > 0 {
            scale = scale
                .min(f64::from(width) / f64::from(frame.width()))
                .min(f64::from(height) / f64::from(frame.height()));
        }
        let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
        (scaled(frame.width()), scaled(frame.height()))
    }

    fn feed(&mut self, frame: Frame<'_>, size: (u32, u32), net_size: (u32, u32)) {
        if size == (frame.width(), frame.height()) {
            sample::padded(frame, net_size, &self.spec.input, &mut self.planes);
        } else {
            self.scaler.scaled(frame, size, net_size, &self.spec.input, &mut self.planes);
        }
    }
}

/// Adds every anchor above the threshold; returns how many were dropped for not being finite.
fn decode(
    outputs: &Outputs<'_>,
    (width, height): (u32, u32),
    threshold: f32,
    faces: &mut Vec<FaceBox>,
) -> Result<u64, VisionError> {
    let mut dropped = 0;
    for (names, stride) in OUTPUTS.iter().zip(STRIDES) {
        let level = StrideOutput {
            stride: stride as f32,
            columns: (width / stride) as usize,
            cells: (width / stride * (height / stride)) as usize,
            class: outputs.get(names[0])?,
            object: outputs.get(names[1])?,
            boxes: outputs.get(names[2])?,
            points: outputs.get(names[3])?,
        };
        dropped += decode_level(&level, threshold, faces);
    }
    Ok(dropped)
}

/// The raw answers at one stride, row-major over its cells.
#[derive(Debug)]
pub struct StrideOutput<'a> {
    /// Pixels per cell.
    pub stride: f32,
    pub columns: usize,
    pub cells: usize,
    /// One per cell.
    pub class: &'a [f32],
    /// One per cell.
    pub object: &'a [f32],
    /// Four per cell: centre offset, log size.
    pub boxes: &'a [f32],
    /// Ten per cell: five points.
    pub points: &'a [f32],
}

/// Decodes one stride; returns how many cells were dropped for not being finite. Cells that the
/// slices do not reach are not looked at, so that no input makes it panic.
pub fn decode_level(level: &StrideOutput<'_>, threshold: f32, faces: &mut Vec<FaceBox>) -> u64 {
    let mut dropped = 0;
    let least = threshold * threshold;
    let cells = level
        .class
        .iter()
        .zip(level.object)
        .zip(level.boxes.chunks_exact(4))
        .zip(level.points.chunks_exact(10))
        .take(level.cells);
    for (index, (((class, object), bounds), points)) in cells.enumerate() {
        let product = class.clamp(0.0, 1.0) * object.clamp(0.0, 1.0);
        if product < least {
            continue;
        }
        let (column, row) = match level.columns {
            0 => continue,
            columns => ((index % columns) as f32, (index / columns) as f32),
        };
        let face = decode_cell(product.sqrt(), bounds, points, (column, row), level.stride);
        if is_finite(&face) {
            faces.push(face);
        } else {
            dropped += 1;
        }
    }
    dropped
}

fn decode_cell(
    score: f32,
    bounds: &[f32],
    points: &[f32],
    (column, row): (f32, f32),
    stride: f32,
) -> FaceBox {
    let (width, height) = (bounds[2].exp() * stride, bounds[3].exp() * stride);
    FaceBox {
        rect: Rect {
            x: (column + bounds[0]) * stride - width / 2.0,
            y: (row + bounds[1]) * stride - height / 2.0,
            width,
            height,
        },
        score,
        landmarks: std::array::from_fn(|i| {
            [(points[2 * i] + column) * stride, (points[2 * i + 1] + row) * stride]
        }),
    }
}

fn is_finite(face: &FaceBox) -> bool {
    let Rect { x, y, width, height } = face.rect;
    face.score.is_finite()
        && [x, y, width, height].iter().all(|v| v.is_finite())
        && face.landmarks.iter().flatten().all(|v| v.is_finite())
}

/// Greedy non-maximum suppression: best first, and none that overlaps a better one by more than
/// `threshold` (`IoU`).
pub fn suppress(candidates: &mut [FaceBox], threshold: f32, kept: &mut Vec<FaceBox>) {
    candidates.sort_unstable_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            // Equal scores fall in reading order, so that the result does not depend on the sort.
            .then(a.rect.y.total_cmp(&b.rect.y))
            .then(a.rect.x.total_cmp(&b.rect.x))
    });
    kept.clear();
    for candidate in candidates.iter() {
        if kept.iter().all(|better| better.rect.iou(&candidate.rect) <= threshold) {
            kept.push(*candidate);
        }
    }
}

fn scale_face(face: &mut FaceBox, (sx, sy): (f32, f32)) {
    let Rect { x, y, width, height } = face.rect;
    face.rect = Rect { x: x * sx, y: y * sy, width: width * sx, height: height * sy };
    for [x, y] in &mut face.landmarks {
        *x *= sx;
        *y *= sy;
    }
}
