//! From uploaded photographs to a proposal: quality reasons, how like the person's confirmed faces
//! it is, the search for a second person with the same face, and templates turned by the clinic's
//! secret rotation.
//!
//! What a comparison with stored faces found is for whoever decides; it refuses nothing, so that a
//! clinic can neither ask whose face this is nor, by a first wrong proposal, keep another clinic's
//! honest one out. Never confirms anything, never keeps a photograph without that purpose in the
//! consent, and never prints a score with a name.

use std::sync::{Arc, Mutex, PoisonError};

use vision::enrol::{EnrolError, Enrolled, template_from_picture};
use vision::pack::{PackManifest, Search};
use vision::{Analyzer, Gate, Options, Rotation, Runtime, Template};

use crate::clock::At;
use crate::ids::EnrolmentId;
use crate::model::Consent;
use crate::photo;
use crate::store::{Enrolment, FaceStore, NewEnrolment, NewTemplate, StoreError};

/// Photographs of one enrolment, at most.
pub const MOST_PHOTOS: usize = 8;
/// Bytes of one photograph, at most.
pub const MOST_PHOTO_BYTES: usize = 16 * 1024 * 1024;
/// Of one upload: the photographs with their form.
pub const MOST_UPLOAD_BYTES: usize = (MOST_PHOTO_BYTES + 65_536) * MOST_PHOTOS;

#[derive(Debug, thiserror::Error)]
pub enum EnrolFault {
    #[error("enrolment is not available: {0}")]
    NoModels(String),
    #[error("no photograph passed: \
        {}", .0.iter().map(PhotoOutcome::line).collect::<Vec<_>>().join(" · "))]
    NonePassed(Vec<PhotoOutcome>),
    #[error("{0}")]
    Refused(String),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EnrolFault {
    /// The line in Chinese, where there is one.
    pub fn zh(&self) -> Option<String> {
        match self {
            Self::NonePassed(photos) => {
                let lines: Vec<String> = photos.iter().map(PhotoOutcome::line_zh).collect();
                Some(format!("没有合格的照片：{}", lines.join(" · ")))
            }
            _ => None,
        }
    }
}

/// What became of one photograph.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct PhotoOutcome {
    pub index: usize,
    pub accepted: bool,
    pub reasons: Vec<ReasonText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality_ppm: Option<u32>,
    /// Faces beside the one that was taken: smaller ones, which whoever decides should see.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub other_faces: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
pub struct ReasonText {
    pub code: String,
    pub zh: String,
    pub en: String,
}

impl PhotoOutcome {
    fn line(&self) -> String {
        let reasons: Vec<&str> = self.reasons.iter().map(|r| r.en.as_str()).collect();
        format!("photo {}: {}", self.index + 1, reasons.join("; "))
    }

    fn line_zh(&self) -> String {
        let reasons: Vec<&str> = self.reasons.iter().map(|r| r.zh.as_str()).collect();
        format!("第 {} 张：{}", self.index + 1, reasons.join("；"))
    }
}

#[derive(
    Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
pub struct Likeness {
    pub person: String,
    pub score_ppm: i32,
}

/// What a comparison with stored faces found. For the supervisor who decides, never for the clinic
/// that proposes.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FaceComparison {
    /// Other persons with this face.
    #[serde(default)]
    pub duplicates: Vec<Likeness>,
    /// The best score against the person's own confirmed faces, where it is too low for one person.
    pub unlike_ppm: Option<i32>,
}

/// What is kept of a look at somebody's photographs. Which part of it a reader is told is
/// `web::api::enrolments`' to say.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct EnrolmentOutcome {
    #[serde(default)]
    pub photos: Vec<PhotoOutcome>,
    #[serde(flatten)]
    pub compared: FaceComparison,
    /// When its templates were made anew for another model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewed_at: Option<At>,
}

impl EnrolmentOutcome {
    /// As the store keeps it. One that can not be read is a fault: shown as empty it would say
    /// that nobody else has this face.
    pub fn read(kept: &serde_json::Value) -> Result<Self, StoreError> {
        Ok(serde::Deserialize::deserialize(kept)?)
    }

    pub fn kept(&self) -> Result<serde_json::Value, StoreError> {
        Ok(serde_json::to_value(self)?)
    }
}

/// An answered proposal.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Proposed {
    pub id: EnrolmentId,
    pub photos: Vec<PhotoOutcome>,
    pub compared: FaceComparison,
    pub templates: usize,
}

/// A request whose consent was checked.
#[derive(Debug)]
pub struct Request<'a> {
    pub person: &'a str,
    pub institution: &'a str,
    /// The login of whoever proposes.
    pub by: &'a str,
    pub consent: &'a Consent,
    pub photos: Vec<Vec<u8>>,
}

/// The networks of the configured pack.
#[derive(Debug)]
pub struct EnrolmentNetworks {
    analyzer: Mutex<Analyzer>,
    pub pack: String,
    pub embedder_sha256: String,
    length: usize,
    duplicate_ppm: i32,
    unlike_ppm: i32,
}

impl EnrolmentNetworks {
    /// Loads the pack; the error is one line that names what is missing and the mend.
    pub fn load(pack: &str, search: &Search, production: bool) -> Result<Self, String> {
        let manifest = PackManifest::effective(search).map_err(|e| e.to_string())?;
        let located = manifest
            .pack(pack)
            .and_then(|p| p.allowed(production))
            .and_then(|p| p.locate(search))
            .map_err(|e| e.to_string())?;
        let runtime = Runtime::init().map_err(|e| e.to_string())?;
        let analyzer = Analyzer::load(&runtime, &located.spec(), Options::default())
            .map_err(|e| e.to_string())?;
        let thresholds = analyzer.thresholds();
        Ok(Self {
            pack: analyzer.pack().to_string(),
            length: analyzer.embedding_length(),
            embedder_sha256: located.pack.embedder_digest().to_string(),
            duplicate_ppm: thresholds.duplicate_ppm,
            unlike_ppm: thresholds.unlike_ppm,
            analyzer: Mutex::new(analyzer),
        })
    }

    /// Judges the photographs and stores a proposal. Blocking: it runs networks.
    pub fn propose(
        &self,
        faces: &FaceStore,
        request: &Request<'_>,
        now: At,
    ) -> Result<Proposed, EnrolFault> {
        let (outcomes, enrolled) = self.judge(&request.photos);
        if enrolled.is_empty() {
            return Err(EnrolFault::NonePassed(outcomes));
        }
        let fresh: Vec<&Template> = enrolled.iter().map(|(_, e)| &e.template).collect();
        self.refuse_two_faces(&fresh)?;
        let mut comparison = Comparison::of(self, &fresh, request.person);
        self.each_known(faces, request.institution, |known| comparison.add(&known))?;
        let compared = comparison.end();
        let id = EnrolmentId::fresh("e-");
        let templates = self.templates(faces, request.institution, &id, &enrolled)?;
        let photos: Vec<Vec<u8>> = if request.consent.keeps_photo() {
            enrolled.iter().map(|(index, _)| request.photos[*index].clone()).collect()
        } else {
            Vec::new()
        };
        let outcome = EnrolmentOutcome { photos: outcomes, compared, renewed_at: None };
        let proposal = NewEnrolment {
            id: &id,
            person: request.person,
            institution: request.institution,
            by: request.by,
            pack: &self.pack,
            outcome: &outcome.kept()?,
            consent: request.consent,
            templates: &templates,
            photos: &photos,
        };
        faces.propose(&proposal, now)?;
        let EnrolmentOutcome { photos, compared, .. } = outcome;
        Ok(Proposed { templates: templates.len(), id, photos, compared })
    }

    /// Compares a proposal once more, with what was confirmed since. Blocking.
    pub fn compare_again(
        &self,
        faces: &FaceStore,
        proposal: &Enrolment,
    ) -> Result<FaceComparison, EnrolFault> {
        let mut proposed = Vec::new();
        self.each_known(faces, &proposal.institution, |known| {
            if known.enrolment == proposal.id {
                proposed.push(known.template);
            }
        })?;
        let fresh: Vec<&Template> = proposed.iter().collect();
        let mut comparison = Comparison::of(self, &fresh, &proposal.person);
        self.each_known(faces, &proposal.institution, |known| {
            if known.enrolment != proposal.id {
                comparison.add(&known);
            }
        })?;
        Ok(comparison.end())
    }

    /// Turned by the clinic's rotation, ready to be sealed; numbered behind `name`.
    pub fn templates(
        &self,
        faces: &FaceStore,
        institution: &str,
        name: &str,
        enrolled: &[(usize, Enrolled)],
    ) -> Result<Vec<NewTemplate>, StoreError> {
        let seed = faces.rotation_seed(institution)?;
        let rotation = Rotation::from_key(seed.bytes(), self.length);
        let template = |(n, (_, e)): (usize, &(usize, Enrolled))| {
            Ok(NewTemplate {
                id: format!("{name}-t{n}").parse()?,
                embedder_sha256: self.embedder_sha256.clone(),
                masked: e.quality.masked.is_some_and(|p| p > 0.5),
                vector: e.template.turned(&rotation).to_bytes(),
            })
        };
        enrolled.iter().enumerate().map(template).collect()
    }

    /// Quality reasons for each photograph, and the templates of those that passed; stores nothing.
    pub fn judge(&self, photos: &[Vec<u8>]) -> (Vec<PhotoOutcome>, Vec<(usize, Enrolled)>) {
        let mut analyzer = self.analyzer.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = Gate::ENROLMENT;
        let mut outcomes = Vec::new();
        let mut enrolled = Vec::new();
        for (index, photo) in photos.iter().enumerate() {
            match looked_at(&mut analyzer, photo, &gate) {
                Ok((good, other_faces)) => {
                    let quality_ppm =
                        Some((good.quality.unified().clamp(0.0, 1.0) * 1_000_000.0) as u32);
                    outcomes.push(PhotoOutcome {
                        index,
                        accepted: true,
                        reasons: Vec::new(),
                        quality_ppm,
                        other_faces,
                    });
                    enrolled.push((index, good));
                }
                Err(reasons) => {
                    let refused = PhotoOutcome {
                        index,
                        accepted: false,
                        reasons,
                        quality_ppm: None,
                        other_faces: 0,
                    };
                    outcomes.push(refused);
                }
            }
        }
        (outcomes, enrolled)
    }

    /// Templates of this pack that were confirmed anywhere, and what this institution itself
    /// proposed, each turned back by its clinic's rotation. What another clinic only proposed is
    /// nobody's face yet. Read a part at a time, so that neither memory nor the database is held
    /// for the whole country.
    fn each_known(
        &self,
        faces: &FaceStore,
        institution: &str,
        mut look: impl FnMut(Known),
    ) -> Result<(), EnrolFault> {
        let mut rotations = std::collections::BTreeMap::new();
        let mut after = String::new();
        loop {
            let part = faces.comparable_templates(institution, &after)?;
            let Some(last) = part.last() else { return Ok(()) };
            after = last.id.to_string();
            for stored in part.into_iter().filter(|t| t.pack == self.pack) {
                if !rotations.contains_key(&stored.institution) {
                    let seed = faces.rotation_seed(&stored.institution)?;
                    rotations.insert(
                        stored.institution.clone(),
                        Rotation::from_key(seed.bytes(), self.length),
                    );
                }
                let rotation = &rotations[&stored.institution];
                match Template::from_bytes(stored.pack.as_str(), self.length, &stored.vector) {
                    Ok(template) => look(Known {
                        person: stored.person,
                        enrolment: stored.enrolment,
                        confirmed: stored.confirmed,
                        template: template.turned_back(rotation),
                    }),
                    Err(error) => {
                        tracing::error!(template = %stored.id, %error, "a stored template is left \
                            out");
                    }
                }
            }
        }
    }

    /// Photographs of one proposal that show two people are a mix-up of files; that says nothing of
    /// anybody stored.
    fn refuse_two_faces(&self, fresh: &[&Template]) -> Result<(), EnrolFault> {
        for (n, one) in fresh.iter().enumerate() {
            let others = fresh.iter().enumerate().filter(|(m, _)| *m != n);
            let best = others.map(|(_, other)| cosine_ppm(one, other)).max();
            if best.is_some_and(|best| best < self.unlike_ppm) {
                return Err(EnrolFault::Refused(format!(
                    "the face of photo {} is too unlike the other ones: check that all \
                    photographs show the same person",
                    n + 1
                )));
            }
        }
        Ok(())
    }
}

/// Fresh faces held against stored ones, one stored face at a time.
struct Comparison<'a> {
    fresh: &'a [&'a Template],
    person: &'a str,
    duplicate_ppm: i32,
    unlike_ppm: i32,
    /// Other persons whose face matches, with their best score.
    others: std::collections::BTreeMap<String, i32>,
    /// Of each fresh face its best score against the person's own confirmed ones.
    own: Vec<Option<i32>>,
}

impl<'a> Comparison<'a> {
    fn of(engine: &EnrolmentNetworks, fresh: &'a [&'a Template], person: &'a str) -> Self {
        let (duplicate_ppm, unlike_ppm) = (engine.duplicate_ppm, engine.unlike_ppm);
        Self {
            fresh,
            person,
            duplicate_ppm,
            unlike_ppm,
            others: std::collections::BTreeMap::new(),
            own: vec![None; fresh.len()],
        }
    }

    fn add(&mut self, known: &Known) {
        if known.person == self.person {
            for (best, fresh) in self.own.iter_mut().zip(self.fresh).filter(|_| known.confirmed) {
                *best = (*best).max(Some(cosine_ppm(fresh, &known.template)));
            }
            return;
        }
        let score =
            self.fresh.iter().map(|f| cosine_ppm(f, &known.template)).max().unwrap_or(-1_000_000);
        if score >= self.duplicate_ppm {
            let best = self.others.entry(known.person.clone()).or_insert(score);
            *best = score.max(*best);
        }
    }

    /// Of each photograph its best; the worst of them speaks.
    fn end(self) -> FaceComparison {
        let worst = self.own.into_iter().flatten().min();
        let duplicates =
            self.others.into_iter().map(|(person, score_ppm)| Likeness { person, score_ppm });
        FaceComparison {
            duplicates: duplicates.collect(),
            unlike_ppm: worst.filter(|score| *score < self.unlike_ppm),
        }
    }
}

/// A stored face as it is compared.
struct Known {
    person: String,
    enrolment: String,
    confirmed: bool,
    template: Template,
}

/// What is kept with a proposal.
fn cosine_ppm(one: &Template, other: &Template) -> i32 {
    one.embedding().cosine(other.embedding()).map_or(-1_000_000, |c| (c * 1_000_000.0) as i32)
}

/// One photograph's template, and how many faces are in it beside that one.
fn looked_at(
    analyzer: &mut Analyzer,
    photo: &[u8],
    gate: &Gate,
) -> Result<(Enrolled, usize), Vec<ReasonText>> {
    let picture = photo::read(photo).map_err(|fault| {
        vec![ReasonText { code: fault.code().to_owned(), zh: fault.zh(), en: fault.en() }]
    })?;
    let good = template_from_picture(analyzer, &picture, gate).map_err(|error| reasons(&error))?;
    let faces = analyzer.detect(picture.frame()).map_or(1, |faces| faces.len());
    Ok((good, faces.saturating_sub(1)))
}

fn reasons(error: &EnrolError) -> Vec<ReasonText> {
    match error {
        EnrolError::Rejected(rejection) => rejection
            .reasons
            .iter()
            .map(|r| ReasonText { code: r.code().to_owned(), zh: r.zh(), en: r.en() })
            .collect(),
        EnrolError::Vision(_) => {
            vec![ReasonText {
                code: "unreadable".to_owned(),
                zh: error.zh(),
                en: error.to_string(),
            }]
        }
    }
}

/// The engine, loaded in the background; pages and API say while it is not there and why.
#[derive(Debug, Default)]
pub struct Slot {
    state: Mutex<Option<Result<Arc<EnrolmentNetworks>, String>>>,
}

impl Slot {
    pub fn fill(&self, loaded: Result<EnrolmentNetworks, String>) {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner) = Some(loaded.map(Arc::new));
    }

    pub fn get(&self) -> Result<Arc<EnrolmentNetworks>, EnrolFault> {
        match &*self.state.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(Ok(engine)) => Ok(Arc::clone(engine)),
            Some(Err(why)) => Err(EnrolFault::NoModels(why.clone())),
            None => Err(EnrolFault::NoModels(
                "the model pack is still being loaded: try again in a moment".to_owned(),
            )),
        }
    }
}
