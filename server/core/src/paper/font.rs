//! A font that stands on this machine, cut down to the glyphs that a paper uses, and written into
//! its PDF.
//!
//! A composite font with the glyphs' own numbers (ISO 32000-1 §9.7), and the way back to text, so
//! that it can be searched. A character that the font lacks is drawn as its number; copied or
//! searched, it is itself. It never becomes another one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Finish as _, Name, Pdf, Rect, Ref, Str};
use read_fonts::tables::cmap::CmapSubtable;
use read_fonts::tables::hmtx::Hmtx;
use read_fonts::types::{GlyphId, Tag};
use read_fonts::{FontRef, ReadError, TableProvider as _};
use subsetter::GlyphRemapper;

use super::PaperError;

/// Where Debian puts fonts that hold Chinese, with the index of the simplified one in a collection.
const FONTS: [(&str, u32); 5] = [
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", 2),
    ("/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc", 2),
    ("/usr/share/fonts/truetype/wqy/wqy-microhei.ttc", 0),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", 0),
    ("/usr/share/fonts/truetype/arphic/uming.ttc", 0),
];
const NAME: Name<'static> = Name(b"ZAIGAN+Paper");
const IDENTITY: SystemInfo<'static> =
    SystemInfo { registry: Str(b"Adobe"), ordering: Str(b"Identity"), supplement: 0 };

/// A font's file.
pub struct Font {
    path: PathBuf,
    bytes: Vec<u8>,
    index: u32,
}

impl std::fmt::Debug for Font {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Font").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What a paper asks of a font.
struct Face<'a> {
    characters: CmapSubtable<'a>,
    widths: Hmtx<'a>,
    font: FontRef<'a>,
    /// Units of an em.
    em: f32,
}

impl<'a> Face<'a> {
    fn parse(bytes: &'a [u8], index: u32) -> Result<Self, ReadError> {
        let font = FontRef::from_index(bytes, index)?;
        let cmap = font.cmap()?;
        // One table alone: in another one the same number may be another character.
        let (_, _, characters) =
            cmap.best_subtable().ok_or(ReadError::TableIsMissing(Tag::new(b"cmap")))?;
        let em = f32::from(font.head()?.units_per_em().max(1));
        Ok(Self { characters, widths: font.hmtx()?, font, em })
    }

    /// `None`: it has no glyph of its own. The first glyph is the box that stands for all of those.
    fn glyph(&self, c: char) -> Option<u16> {
        let glyph = self.characters.map_codepoint(c)?.to_u32();
        u16::try_from(glyph).ok().filter(|glyph| *glyph != 0)
    }

    /// In em.
    fn advance(&self, glyph: u16) -> f32 {
        f32::from(self.widths.advance(GlyphId::from(glyph)).unwrap_or(0)) / self.em
    }
}

/// The characters of a paper and the numbers of their glyphs in the small font.
#[derive(Default)]
pub(super) struct Used {
    remapper: GlyphRemapper,
    /// Character → glyph in the small font.
    glyphs: BTreeMap<char, u16>,
    /// Glyph → the one character that it stands for where somebody copies it.
    back: BTreeMap<u16, char>,
}

/// Glyphs that are drawn together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Big-endian glyph numbers of the small font.
    pub(super) glyphs: Vec<u8>,
    /// What they say, where the glyphs themselves would say something else.
    pub(super) says: Option<char>,
}

/// What is drawn in place of a character that the font lacks.
fn number_of(c: char) -> String {
    format!("[U+{:04X}]", u32::from(c))
}

impl Font {
    /// Reads the font that is named, or the first of Debian's that is there.
    pub fn find(named: Option<&Path>) -> Result<Self, PaperError> {
        let (path, index) = match named {
            Some(path) => (path.to_owned(), 0),
            None => FONTS
                .iter()
                .map(|(path, index)| (PathBuf::from(path), *index))
                .find(|(path, _)| path.exists())
                .ok_or(PaperError::NoFont)?,
        };
        let bad = |why: String| PaperError::BadFont { path: path.clone(), why };
        let bytes = std::fs::read(&path).map_err(|e| bad(e.to_string()))?;
        Face::parse(&bytes, index).map_err(|e| bad(e.to_string()))?;
        Ok(Self { path, bytes, index })
    }

    fn bad(&self, why: &dyn std::fmt::Display) -> PaperError {
        PaperError::BadFont { path: self.path.clone(), why: why.to_string() }
    }

    fn face(&self) -> Result<Face<'_>, PaperError> {
        Face::parse(&self.bytes, self.index).map_err(|e| self.bad(&e))
    }

    /// How wide each of these characters is, in em.
    pub(super) fn widths(
        &self,
        characters: impl Iterator<Item = char>,
    ) -> Result<BTreeMap<char, f32>, PaperError> {
        let face = self.face()?;
        let drawn = |c| face.glyph(c).map(|glyph| face.advance(glyph));
        let width = |c| drawn(c).unwrap_or_else(|| number_of(c).chars().filter_map(drawn).sum());
        Ok(characters.map(|c| (c, width(c))).collect())
    }

    /// Those of the characters that this font can not draw.
    pub(super) fn lacks(
        &self,
        characters: impl Iterator<Item = char>,
    ) -> Result<BTreeSet<char>, PaperError> {
        let face = self.face()?;
        Ok(characters.filter(|c| !c.is_control() && face.glyph(*c).is_none()).collect())
    }

    /// Gives every character its glyph in the small font.
    pub(super) fn used(&self, characters: impl Iterator<Item = char>) -> Result<Used, PaperError> {
        let face = self.face()?;
        let mut used = Used::default();
        let mut take = |c: char| {
            let Some(glyph) = face.glyph(c) else { return false };
            if !used.glyphs.contains_key(&c) {
                let small = used.remapper.remap(glyph);
                used.glyphs.insert(c, small);
                used.back.entry(small).or_insert(c);
            }
            true
        };
        for c in characters {
            if !take(c) {
                for digit in number_of(c).chars() {
                    take(digit);
                }
            }
        }
        Ok(used)
    }

    /// Writes the small font with everything that belongs to it; takes four numbers from `next` on.
    pub(super) fn embed(
        &self,
        pdf: &mut Pdf,
        id: Ref,
        next: &mut Ref,
        used: &Used,
    ) -> Result<(), PaperError> {
        let face = self.face()?;
        let small =
            subsetter::subset(&self.bytes, self.index, &used.remapper).map_err(|e| self.bad(&e))?;
        let outlines = FontRef::from_index(&small, 0)
            .ok()
            .and_then(|font| font.table_data(Tag::new(b"CFF ")))
            .map(|table| table.as_bytes());
        let (cid, descriptor, data, cmap) = (next.bump(), next.bump(), next.bump(), next.bump());
        pdf.type0_font(id)
            .base_font(NAME)
            .encoding_predefined(Name(b"Identity-H"))
            .descendant_font(cid)
            .to_unicode(cmap);
        let mut font = pdf.cid_font(cid);
        font.subtype(if outlines.is_some() { CidFontType::Type0 } else { CidFontType::Type2 });
        font.base_font(NAME).system_info(IDENTITY).font_descriptor(descriptor).default_width(0.0);
        if outlines.is_none() {
            font.cid_to_gid_map_predefined(Name(b"Identity"));
        }
        let advance = |old| face.advance(old) * 1000.0;
        font.widths().consecutive(0, used.remapper.remapped_gids().map(advance));
        font.finish();
        describe(pdf, &face, (descriptor, data), outlines.is_some()).map_err(|e| self.bad(&e))?;
        match outlines {
            Some(cff) => {
                pdf.stream(data, cff).pair(Name(b"Subtype"), Name(b"CIDFontType0C"));
            }
            None => {
                pdf.stream(data, &small).pair(Name(b"Length1"), small.len() as i32);
            }
        }
        let mut back = UnicodeCmap::<u16>::new(Name(b"Custom"), IDENTITY);
        for (glyph, c) in &used.back {
            back.pair(*glyph, *c);
        }
        pdf.cmap(cmap, &back.finish());
        Ok(())
    }
}

fn describe(
    pdf: &mut Pdf,
    face: &Face<'_>,
    (id, data): (Ref, Ref),
    cff: bool,
) -> Result<(), ReadError> {
    let units = |value: i16| f32::from(value) * 1000.0 / face.em;
    let (head, hhea) = (face.font.head()?, face.font.hhea()?);
    let (ascender, descender) = (hhea.ascender().to_i16(), hhea.descender().to_i16());
    let capitals = face.font.os2().ok().and_then(|os2| os2.s_cap_height()).unwrap_or(ascender);
    let mut about = pdf.font_descriptor(id);
    about.name(NAME).flags(FontFlags::SYMBOLIC).italic_angle(0.0).stem_v(80.0);
    about.bbox(Rect::new(
        units(head.x_min()),
        units(head.y_min()),
        units(head.x_max()),
        units(head.y_max()),
    ));
    about.ascent(units(ascender)).descent(units(descender)).cap_height(units(capitals));
    if cff {
        about.font_file3(data);
    } else {
        about.font_file2(data);
    }
    Ok(())
}

impl Used {
    /// The character that one glyph goes back to.
    #[cfg(test)]
    pub(super) fn stands_for(&self, glyph: &[u8]) -> char {
        glyph
            .try_into()
            .ok()
            .and_then(|two| self.back.get(&u16::from_be_bytes(two)))
            .copied()
            .unwrap_or('?')
    }

    /// A text as runs of the small font's glyphs.
    pub(super) fn shown(&self, text: &str) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for c in text.chars() {
            let own = self.glyphs.get(&c);
            let glyphs: Vec<u8> = if let Some(glyph) = own {
                glyph.to_be_bytes().to_vec()
            } else {
                let digits = number_of(c);
                digits
                    .chars()
                    .filter_map(|d| self.glyphs.get(&d))
                    .flat_map(|g| g.to_be_bytes())
                    .collect()
            };
            // Two characters may share a glyph (豈 and its compatibility form), and then it goes
            // back to the first alone.
            let says = (own.and_then(|glyph| self.back.get(glyph)) != Some(&c)).then_some(c);
            match runs.last_mut() {
                Some(run) if run.says.is_none() && says.is_none() => run.glyphs.extend(glyphs),
                _ => runs.push(Run { glyphs, says }),
            }
        }
        runs
    }
}
