//! From TOML text to checked packs. Raw and checked are two types: a `Pack` cannot name a model
//! that does not exist.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use super::facts::{
    AlignmentFacts, Artefact, DetectorFacts, EmbedderFacts, InputFacts, LivenessFacts,
    MaskFlagFacts, ModelRole, ThresholdFacts,
};
use super::search::{FolderKind, INSTALLED_MANIFEST, Search};
use super::{Digest, InputSize, PackError};

/// The manifest that the program carries.
const BUILT_IN: &str = include_str!("../../../../models/manifest.toml");
/// The only format this program reads.
const FORMAT: u32 = 1;

/// All packs there are.
#[derive(Debug, Clone, PartialEq)]
pub struct PackManifest {
    packs: BTreeMap<String, Pack>,
}

/// One pack: models that belong together, and when their scores count.
#[derive(Debug, Clone, PartialEq)]
pub struct Pack {
    /// Key in the manifest: `real`, `lite`, `avatar`, …
    pub name: String,
    /// One line for people.
    pub title: String,
    /// Knows drawn faces only: never for production, and every page says so.
    pub drawn_only: bool,
    /// Not fetched unless asked for by name.
    pub optional: bool,
    /// Name of the embedder's entry.
    pub embedder_name: String,
    /// Finds faces.
    pub detector: DetectorFacts,
    /// Embeds faces.
    pub embedder: EmbedderFacts,
    /// Embeds bare faces beside the first.
    pub companion: Option<Companion>,
    /// Judges liveness; empty: `NotAssessed`.
    pub liveness: Vec<LivenessFacts>,
    /// Flags masks, if the pack can.
    pub mask: Option<MaskFlagFacts>,
    /// When scores count.
    pub thresholds: ThresholdFacts,
}

/// A second embedder, and what it weighs in the cosine of two bare faces.
#[derive(Debug, Clone, PartialEq)]
pub struct Companion {
    /// Name of the embedder's entry.
    pub name: String,
    /// How it is fed and read.
    pub embedder: EmbedderFacts,
    /// 1 to 999,999.
    pub share_ppm: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCompanion {
    embedder: Spanned<String>,
    share_ppm: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawManifest {
    format: Spanned<u32>,
    #[serde(default)]
    template: BTreeMap<String, AlignmentFacts>,
    #[serde(default)]
    detector: BTreeMap<String, Spanned<DetectorFacts>>,
    #[serde(default)]
    embedder: BTreeMap<String, Spanned<RawEmbedder>>,
    #[serde(default)]
    liveness: BTreeMap<String, Spanned<LivenessFacts>>,
    #[serde(default)]
    mask: BTreeMap<String, Spanned<MaskFlagFacts>>,
    pack: BTreeMap<String, Spanned<RawPack>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEmbedder {
    artefact: Artefact,
    input: InputFacts,
    output: String,
    length: usize,
    dynamic_batch: bool,
    template: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPack {
    title: String,
    #[serde(default)]
    drawn_only: bool,
    #[serde(default)]
    optional: bool,
    detector: Spanned<String>,
    embedder: Spanned<String>,
    #[serde(default)]
    companion: Option<RawCompanion>,
    #[serde(default)]
    liveness: Vec<Spanned<String>>,
    #[serde(default)]
    mask: Option<Spanned<String>>,
    thresholds: Spanned<ThresholdFacts>,
}

/// The text and its name, to turn a byte offset into `file:line`.
struct Text<'a> {
    file: &'a str,
    text: &'a str,
}

impl Text<'_> {
    fn fault(&self, offset: usize, message: impl Into<String>) -> PackError {
        let upto = self.text.get(..offset).unwrap_or(self.text);
        let line = 1 + upto.matches('\n').count();
        let message = message.into().replace('\n', " ");
        PackError::Manifest { file: self.file.to_owned(), line, message }
    }

    /// Looks a name up in a table of the manifest.
    fn named<'m, T>(
        &self,
        table: &'m BTreeMap<String, T>,
        section: &str,
        name: &Spanned<String>,
    ) -> Result<&'m T, PackError> {
        table.get(name.get_ref()).ok_or_else(|| {
            let known = table.keys().cloned().collect::<Vec<_>>().join(", ");
            let message =
                format!("there is no [{section}.{}]; the manifest has {known}", name.get_ref());
            self.fault(name.span().start, message)
        })
    }
}

impl PackManifest {
    /// The manifest that the program carries.
    pub fn built_in() -> Result<Self, PackError> {
        Self::parse_named(BUILT_IN, "built-in manifest")
    }

    /// The text of the manifest that the program carries, comments and all.
    pub fn built_in_text() -> &'static str {
        BUILT_IN
    }

    /// Parses a manifest; errors name it `manifest`.
    pub fn parse(text: &str) -> Result<Self, PackError> {
        Self::parse_named(text, "manifest")
    }

    /// Reads and parses a manifest file.
    pub fn load(path: &Path) -> Result<Self, PackError> {
        let text = fs::read_to_string(path).map_err(|source| PackError::io(path, source))?;
        Self::parse_named(&text, &path.display().to_string())
    }

    /// The built-in manifest, with the packs of imported archives laid over it.
    pub fn effective(search: &Search) -> Result<Self, PackError> {
        let mut manifest = Self::built_in()?;
        for folder in search.folders().iter().filter(|f| f.kind == FolderKind::Installed) {
            manifest.packs.extend(Self::load(&folder.path.join(INSTALLED_MANIFEST))?.packs);
        }
        Ok(manifest)
    }

    /// Parses a manifest that errors call by this name.
    pub fn parse_named(text: &str, file: &str) -> Result<Self, PackError> {
        let at = Text { file, text };
        if text.trim().is_empty() {
            return Err(at.fault(0, format!("the manifest is empty ({} bytes)", text.len())));
        }
        let raw: RawManifest = toml::from_str(text)
            .map_err(|e| at.fault(e.span().map_or(0, |s| s.start), e.message()))?;
        if *raw.format.get_ref() != FORMAT {
            return Err(at.fault(
                raw.format.span().start,
                format!("this program reads format {FORMAT} only"),
            ));
        }
        let embedders = check_models(&raw, &at)?;
        let mut packs = BTreeMap::new();
        for (name, pack) in &raw.pack {
            packs.insert(name.clone(), check_pack(name, pack, &raw, &embedders, &at)?);
        }
        Ok(Self { packs })
    }

    /// A pack by name.
    pub fn pack(&self, name: &str) -> Result<&Pack, PackError> {
        self.packs.get(name).ok_or_else(|| PackError::UnknownPack {
            name: name.to_owned(),
            known: self.packs.keys().cloned().collect::<Vec<_>>().join(", "),
        })
    }

    /// All packs, by name.
    pub fn packs(&self) -> impl Iterator<Item = &Pack> {
        self.packs.values()
    }
}

impl Pack {
    /// Refuses a pack of drawn faces on a production box.
    pub fn allowed(&self, production: bool) -> Result<&Self, PackError> {
        if production && self.drawn_only {
            return Err(PackError::DrawnOnly { title: self.title.clone() });
        }
        Ok(self)
    }

    /// What a template carries: templates are comparable only when these are equal. It names the
    /// embedder and its bytes, not the thresholds, so that a calibration invalidates no template.
    pub fn template_id(&self) -> String {
        let name = &self.embedder_name;
        let named = self
            .companion
            .as_ref()
            .map_or_else(|| name.clone(), |second| format!("{name}+{}", second.name));
        format!("{named}@{}", self.embedder_digest().short())
    }

    /// What tells templates apart: the SHA-256 of the embedder's file, or with a companion that of
    /// one line of both files' SHA-256 and the companion's share.
    pub fn embedder_digest(&self) -> Digest {
        let first = self.embedder.artefact.sha256;
        self.companion.as_ref().map_or(first, |second| {
            Digest::of(
                format!("{first} {} {}", second.embedder.artefact.sha256, second.share_ppm)
                    .as_bytes(),
            )
        })
    }

    /// Every file with its role, in the order in which they are used.
    pub fn artefacts(&self) -> Vec<(ModelRole, &Artefact)> {
        let mut all = vec![
            (ModelRole::Detector, &self.detector.artefact),
            (ModelRole::Embedder, &self.embedder.artefact),
        ];
        all.extend(
            self.companion.iter().map(|second| (ModelRole::Embedder, &second.embedder.artefact)),
        );
        all.extend(self.liveness.iter().map(|net| (ModelRole::Liveness, &net.artefact)));
        all.extend(self.mask.iter().map(|net| (ModelRole::Mask, &net.artefact)));
        all
    }
}

/// Checks every model entry and gives each embedder its template.
fn check_models(
    raw: &RawManifest,
    at: &Text<'_>,
) -> Result<BTreeMap<String, EmbedderFacts>, PackError> {
    for entry in raw.detector.values() {
        check_artefact(&entry.get_ref().artefact, entry.span().start, at)?;
    }
    for entry in raw.liveness.values() {
        check_artefact(&entry.get_ref().artefact, entry.span().start, at)?;
        if entry.get_ref().live_class >= entry.get_ref().classes {
            return Err(at.fault(entry.span().start, "live_class must be below classes"));
        }
    }
    for entry in raw.mask.values() {
        check_artefact(&entry.get_ref().artefact, entry.span().start, at)?;
    }
    let mut embedders = BTreeMap::new();
    for (name, entry) in &raw.embedder {
        embedders.insert(name.clone(), check_embedder(entry, raw, at)?);
    }
    Ok(embedders)
}

fn check_embedder(
    entry: &Spanned<RawEmbedder>,
    raw: &RawManifest,
    at: &Text<'_>,
) -> Result<EmbedderFacts, PackError> {
    let (from, start) = (entry.get_ref(), entry.span().start);
    check_artefact(&from.artefact, start, at)?;
    let template = at.named(&raw.template, "template", &from.template)?.clone();
    let [width, height] = template.size;
    if from.input.size != (InputSize::Fixed { width, height }) {
        return Err(at.fault(
            from.template.span().start,
            "the template's size is not the embedder's input size",
        ));
    }
    if !(1..=4096).contains(&from.length) {
        return Err(at.fault(start, "length is 1 to 4096"));
    }
    Ok(EmbedderFacts {
        artefact: from.artefact.clone(),
        input: from.input.clone(),
        output: from.output.clone(),
        length: from.length,
        dynamic_batch: from.dynamic_batch,
        template,
    })
}

fn check_companion(
    from: &RawCompanion,
    embedders: &BTreeMap<String, EmbedderFacts>,
    at: &Text<'_>,
) -> Result<Companion, PackError> {
    let embedder = at.named(embedders, "embedder", &from.embedder)?.clone();
    if !(1..1_000_000).contains(&from.share_ppm) {
        return Err(
            at.fault(from.embedder.span().start, "the companion's share_ppm is 1 to 999999")
        );
    }
    Ok(Companion { name: from.embedder.get_ref().clone(), embedder, share_ppm: from.share_ppm })
}

fn check_artefact(artefact: &Artefact, start: usize, at: &Text<'_>) -> Result<(), PackError> {
    let plain = |part: &str| {
        !part.is_empty() && !part.starts_with('.') && !part.contains(['\\', '\0', ':'])
    };
    if !artefact.file.split('/').all(plain) {
        let message =
            format!("file {:?} must be a relative path without dot folders", artefact.file);
        return Err(at.fault(start, message));
    }
    if artefact.bytes == 0 {
        return Err(at.fault(start, format!("{}: bytes must be above 0", artefact.file)));
    }
    let whole = artefact.conversion.is_none();
    if whole && artefact.sources.len() > 1 {
        return Err(
            at.fault(start, format!("{}: several sources need a conversion", artefact.file))
        );
    }
    if let Some(source) = artefact.sources.iter().find(|s| !s.url.starts_with("https://")) {
        return Err(at.fault(start, format!("{} is not an https address", source.url)));
    }
    Ok(())
}

fn check_pack(
    name: &str,
    entry: &Spanned<RawPack>,
    raw: &RawManifest,
    embedders: &BTreeMap<String, EmbedderFacts>,
    at: &Text<'_>,
) -> Result<Pack, PackError> {
    let from = entry.get_ref();
    if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        let message = format!("a pack's name is lower-case letters, digits and '-', not {name:?}");
        return Err(at.fault(entry.span().start, message));
    }
    if let Some(fault) = from.thresholds.get_ref().fault() {
        return Err(at.fault(from.thresholds.span().start, format!("pack {name}: {fault}")));
    }
    let liveness: Vec<LivenessFacts> = from
        .liveness
        .iter()
        .map(|net| Ok(at.named(&raw.liveness, "liveness", net)?.get_ref().clone()))
        .collect::<Result<_, PackError>>()?;
    if liveness.is_empty() != from.thresholds.get_ref().liveness.is_none() {
        let message = format!("pack {name}: liveness nets and liveness thresholds go together");
        return Err(at.fault(from.thresholds.span().start, message));
    }
    let companion = match &from.companion {
        Some(second) => Some(check_companion(second, embedders, at)?),
        None => None,
    };
    let mask = match &from.mask {
        Some(net) => Some(at.named(&raw.mask, "mask", net)?.get_ref().clone()),
        None => None,
    };
    Ok(Pack {
        name: name.to_owned(),
        title: from.title.clone(),
        drawn_only: from.drawn_only,
        optional: from.optional,
        embedder_name: from.embedder.get_ref().clone(),
        detector: at.named(&raw.detector, "detector", &from.detector)?.get_ref().clone(),
        embedder: at.named(embedders, "embedder", &from.embedder)?.clone(),
        companion,
        liveness,
        mask,
        thresholds: from.thresholds.get_ref().clone(),
    })
}
