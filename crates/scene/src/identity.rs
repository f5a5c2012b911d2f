//! Who a drawn face is: some sixty numbers out of one seed. Never derived from a photograph or a
//! real person.
use crate::geom::{Colour, mix, scale};
use dice::Dice;

/// Lengths are in half head heights (a real head: about 11.5 cm): x to the picture's right, y down,
/// 0 at the head's middle.
#[derive(Debug, Clone)]
pub struct Identity {
    pub(crate) skin: Colour,
    pub(crate) half_width: f32,
    pub(crate) depth: f32,
    pub(crate) jaw: f32,
    pub(crate) eyes: Eyes,
    pub(crate) brows: Brows,
    pub(crate) nose: Nose,
    pub(crate) mouth: Mouth,
    pub(crate) hair: Hair,
    pub(crate) marks: Vec<SkinMark>,
    pub(crate) glasses: Option<Glasses>,
    pub(crate) ear: f32,
    pub(crate) blush: f32,
    pub(crate) freckles: f32,
    pub(crate) folds: f32,
    pub(crate) bags: f32,
    pub(crate) moustache: f32,
    pub(crate) chin_beard: f32,
    pub(crate) stubble: f32,
    pub(crate) texture: u32,
    /// Hip-to-shoulder build, 0.85 to 1.2.
    pub(crate) build: f32,
}

#[derive(Debug, Clone)]
pub(crate) struct Eyes {
    pub(crate) dx: f32,
    pub(crate) y: f32,
    pub(crate) w: f32,
    pub(crate) up: f32,
    pub(crate) low: f32,
    pub(crate) tilt: f32,
    pub(crate) iris: Colour,
    pub(crate) iris_r: f32,
    pub(crate) lash: f32,
    pub(crate) fold: f32,
    pub(crate) shadow: f32,
    /// Make-up of the lids: what still tells people apart above a mask and below a cap.
    pub(crate) shade: Colour,
}

#[derive(Debug, Clone)]
pub(crate) struct Brows {
    pub(crate) rise: f32,
    pub(crate) len: f32,
    pub(crate) thick: f32,
    pub(crate) arch: f32,
    pub(crate) tilt: f32,
    pub(crate) inner: f32,
    pub(crate) colour: Colour,
    pub(crate) dense: f32,
}

#[derive(Debug, Clone)]
pub(crate) struct Nose {
    pub(crate) tip_y: f32,
    pub(crate) wing: f32,
    pub(crate) bridge: f32,
    pub(crate) out: f32,
    pub(crate) nostril: f32,
    pub(crate) redness: f32,
}

#[derive(Debug, Clone)]
pub(crate) struct Mouth {
    pub(crate) y: f32,
    pub(crate) w: f32,
    pub(crate) upper: f32,
    pub(crate) lower: f32,
    pub(crate) bow: f32,
    pub(crate) corner: f32,
    pub(crate) colour: Colour,
}

#[derive(Debug, Clone)]
pub(crate) struct Hair {
    pub(crate) colour: Colour,
    pub(crate) line: f32,
    pub(crate) peak: f32,
    pub(crate) temple: f32,
    pub(crate) volume: f32,
    pub(crate) part: f32,
    pub(crate) fringe: f32,
    /// How far down it falls behind the head: −0.2 (short) to 1.5 (to the shoulders).
    pub(crate) fall: f32,
    pub(crate) bald: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct SkinMark {
    pub(crate) at: [f32; 2],
    pub(crate) radii: [f32; 2],
    pub(crate) colour: Colour,
    pub(crate) strength: f32,
}

#[derive(Debug, Clone)]
pub(crate) struct Glasses {
    pub(crate) colour: Colour,
    pub(crate) w: f32,
    pub(crate) h: f32,
    pub(crate) round: f32,
    pub(crate) thick: f32,
}

impl Identity {
    /// The face of `seed`. Two different seeds are two different people. One long list: the order
    /// in which numbers are drawn is part of every golden picture, and it can be read here in one
    /// piece.
    pub fn from_seed(seed: u64) -> Self {
        let d = &mut Dice::new(seed, 1);
        let skin = skin(d);
        let hair = hair(d);
        let bearded = d.chance(0.3);
        let shade = vivid(d);
        let brow = mix(scale(hair.colour, 0.6), vivid(d), d.range(0.2, 0.8));
        let eyes = Eyes {
            dx: d.range(0.225, 0.32),
            y: d.range(-0.02, 0.12),
            w: d.range(0.11, 0.185),
            up: d.range(0.055, 0.105),
            low: d.range(0.022, 0.05),
            tilt: d.range(-0.3, 0.32),
            iris: pick(
                d,
                &[
                    [0.16, 0.07, 0.03],
                    [0.50, 0.26, 0.06],
                    [0.10, 0.36, 0.66],
                    [0.14, 0.48, 0.16],
                    [0.48, 0.46, 0.44],
                    [0.42, 0.18, 0.52],
                ],
            ),
            iris_r: d.range(0.046, 0.072),
            lash: d.range(0.25, 1.0),
            fold: d.range(0.0, 0.9),
            shadow: d.range(0.0, 1.0),
            shade,
        };
        let brows = Brows {
            rise: d.range(0.10, 0.23),
            len: d.range(0.11, 0.20),
            thick: d.range(0.014, 0.062),
            arch: d.range(-0.01, 0.07),
            tilt: d.range(-0.6, 0.6),
            inner: d.range(-0.03, 0.03),
            colour: brow,
            dense: d.range(0.7, 1.0),
        };
        let nose = Nose {
            tip_y: d.range(0.26, 0.41),
            wing: d.range(0.08, 0.19),
            bridge: d.range(0.025, 0.065),
            out: d.range(0.12, 0.26),
            nostril: d.range(0.25, 1.0),
            redness: d.range(0.0, 0.7),
        };
        let mouth = Mouth {
            y: d.range(0.53, 0.64),
            w: d.range(0.16, 0.30),
            upper: d.range(0.018, 0.07),
            lower: d.range(0.028, 0.095),
            bow: d.range(0.0, 0.6),
            corner: d.range(-0.015, 0.04),
            colour: mix(
                scale(skin, 0.78),
                pick(
                    d,
                    &[
                        [0.80, 0.14, 0.16],
                        [0.88, 0.42, 0.42],
                        [0.46, 0.22, 0.20],
                        [0.72, 0.14, 0.50],
                        [0.90, 0.36, 0.14],
                    ],
                ),
                d.range(0.35, 0.9),
            ),
        };
        let marks = marks(d, skin);
        Self {
            skin,
            half_width: d.range(0.59, 0.77),
            depth: d.range(0.74, 0.90),
            jaw: d.range(-0.12, 0.34),
            eyes,
            brows,
            nose,
            mouth,
            hair,
            marks,
            glasses: glasses(d),
            ear: d.range(0.75, 1.25),
            blush: d.range(0.0, 0.8),
            freckles: if d.chance(0.25) { d.range(0.3, 0.9) } else { 0.0 },
            folds: d.range(0.0, 0.5),
            bags: d.range(0.0, 0.45),
            moustache: if bearded && d.chance(0.6) { d.range(0.4, 1.0) } else { 0.0 },
            chin_beard: if bearded && d.chance(0.55) { d.range(0.4, 1.0) } else { 0.0 },
            stubble: if bearded { d.range(0.0, 0.5) } else { 0.0 },
            texture: d.seed() as u32,
            build: d.range(0.88, 1.15),
        }
    }
}

impl Identity {
    /// The numbers that make this face, in a fixed order: what a trainer may teach an embedder to
    /// read off a picture. A list and no procedure, hence its length.
    pub fn traits(&self) -> Vec<f32> {
        let (e, b, n, m, h) = (&self.eyes, &self.brows, &self.nose, &self.mouth, &self.hair);
        let mut all = vec![
            self.half_width,
            self.depth,
            self.jaw,
            e.dx,
            e.y,
            e.w,
            e.up,
            e.low,
            e.tilt,
            e.iris_r,
            e.lash,
            e.fold,
            e.shadow,
            b.rise,
            b.len,
            b.thick,
            b.arch,
            b.tilt,
            b.inner,
            b.dense,
            n.tip_y,
            n.wing,
            n.bridge,
            n.out,
            n.nostril,
            n.redness,
            m.y,
            m.w,
            m.upper,
            m.lower,
            m.bow,
            m.corner,
            h.line,
            h.peak,
            h.temple,
            h.volume,
            h.part,
            h.fringe,
            h.fall,
            f32::from(u8::from(h.bald)),
            self.ear,
            self.blush,
            self.freckles,
            self.folds,
            self.bags,
            self.moustache,
            self.chin_beard,
            self.stubble,
        ];
        for c in [self.skin, e.iris, e.shade.map(|c| c * e.shadow), b.colour, m.colour, h.colour] {
            all.extend(c);
        }
        let g = self.glasses.as_ref();
        all.extend(g.map_or([0.0; 8], |g| {
            [1.0, g.colour[0], g.colour[1], g.colour[2], g.w, g.h, g.round, g.thick]
        }));
        // Marks as a coarse map: dark and red weight in each of twelve fields of the face.
        let mut map = [0.0; 24];
        for mark in &self.marks {
            let (col, row) = (
                ((mark.at[0] + 0.5) * 2.999) as usize,
                ((mark.at[1] + 0.35) / 1.15 * 3.999) as usize,
            );
            let red =
                usize::from(mark.radii[0] > 0.036 || (mark.radii[0] - mark.radii[1]).abs() > 1e-6);
            map[(row * 3 + col).min(11) * 2 + red] +=
                mark.strength * (mark.radii[0] * mark.radii[1]).sqrt() * 20.0;
        }
        all.extend(map);
        all
    }
}

fn pick(d: &mut Dice, from: &[Colour]) -> Colour {
    let (a, b) = (from[d.below(from.len())], from[d.below(from.len())]);
    mix(a, b, d.range(0.0, 0.5))
}

/// A clear colour of any hue: drawn people may wear what makes them easy to tell apart.
fn vivid(d: &mut Dice) -> Colour {
    let hue = d.range(0.0, 6.0);
    let channel = |at: f32| ((hue - at + 9.0).rem_euclid(6.0) - 3.0).abs().clamp(1.0, 2.0) - 1.0;
    let depth = d.range(0.45, 0.95);
    [0.0, 2.0, 4.0].map(|at| depth * (1.0 - 0.85 * channel(at)))
}

fn skin(d: &mut Dice) -> Colour {
    const TONES: [Colour; 6] = [
        [0.97, 0.84, 0.75],
        [0.94, 0.78, 0.64],
        [0.88, 0.70, 0.54],
        [0.76, 0.56, 0.41],
        [0.58, 0.40, 0.29],
        [0.40, 0.27, 0.20],
    ];
    let at = 4.999 * d.unit::<f32>().powf(1.15);
    let tone = mix(TONES[at as usize], TONES[at as usize + 1], at.fract());
    let (warm, light) = (d.range(-0.05, 0.05), d.range(0.95, 1.03));
    [(tone[0] + warm) * light, tone[1] * light, (tone[2] - warm) * light]
}

fn hair(d: &mut Dice) -> Hair {
    let colour = pick(
        d,
        &[
            [0.07, 0.06, 0.06],
            [0.12, 0.09, 0.07],
            [0.25, 0.16, 0.10],
            [0.42, 0.28, 0.16],
            [0.68, 0.52, 0.30],
            [0.55, 0.24, 0.12],
            [0.80, 0.22, 0.10],
            [0.86, 0.68, 0.22],
            [0.16, 0.26, 0.52],
            [0.12, 0.42, 0.40],
            [0.50, 0.16, 0.40],
            [0.58, 0.57, 0.56],
            [0.82, 0.81, 0.80],
        ],
    );
    let bald = d.chance(0.08);
    Hair {
        colour,
        line: d.range(-0.68, -0.36),
        peak: d.range(-0.08, 0.10),
        temple: d.range(-0.05, 0.22),
        volume: if bald { 0.0 } else { d.range(0.04, 0.20) },
        part: d.range(-0.45, 0.45),
        fringe: if d.chance(0.3) { d.range(0.1, 0.32) } else { 0.0 },
        fall: if d.chance(0.45) { d.range(0.5, 1.5) } else { d.range(-0.2, 0.25) },
        bald,
    }
}

fn marks(d: &mut Dice, skin: Colour) -> Vec<SkinMark> {
    let n = 1 + d.below(5);
    (0..n)
        .map(|_| {
            let at = [d.range(-0.5, 0.5), d.range(-0.35, 0.8)];
            if d.chance(0.75) {
                let r = d.range(0.018, 0.036);
                SkinMark {
                    at,
                    radii: [r, r],
                    colour: scale(skin, d.range(0.2, 0.45)),
                    strength: 0.95,
                }
            } else {
                let colour = mix(skin, [0.75, 0.35, 0.33], d.range(0.4, 0.9));
                SkinMark {
                    at,
                    radii: [d.range(0.02, 0.09), d.range(0.02, 0.12)],
                    colour,
                    strength: d.range(0.4, 0.85),
                }
            }
        })
        .collect()
}

fn glasses(d: &mut Dice) -> Option<Glasses> {
    d.chance(0.4).then(|| Glasses {
        colour: pick(
            d,
            &[
                [0.05, 0.05, 0.06],
                [0.40, 0.20, 0.06],
                [0.85, 0.80, 0.70],
                [0.75, 0.06, 0.10],
                [0.10, 0.22, 0.75],
                [0.08, 0.55, 0.30],
            ],
        ),
        w: d.range(0.17, 0.215),
        h: d.range(0.10, 0.17),
        round: d.range(0.03, 0.10),
        thick: d.range(0.012, 0.034),
    })
}
