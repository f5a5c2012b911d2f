//! `zaigang-agent enroll`: photographs of one practitioner, judged here first, then proposed to the
//! server with the person's consent. Without a consent record nothing leaves; a template takes
//! effect only once a supervisor confirmed it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use protocol::id::{InstitutionId, PersonId};
use serde::{Deserialize, Serialize};
use tls_client::{Patience, Trust};
use vision::{
    Analyzer, Gate, Picture,
    enrol::{EnrolError, Enrolled, template_from_photo, template_from_picture},
};

use crate::{camera, config, loaded::load_models};

const EXAMPLES: &str = "\
consent.toml:
  text_version = \"2026-2\"                          # edition of the text that was signed
  text_sha256 = \"64 hex digits\"                    # its SHA-256
  purposes = [\"recognition\", \"server_storage\"]     # each only where the person agreed to it; \
  and \"keep_photo\"
  scope = \"clinic-1\"                               # where it holds
  signature = \"paper file 2026/17\"                 # who signed and where it lies, or a drawn \
  signature in base64
  signed_at = \"2026-03-02T09:00:00+08:00\"
  # guardian = \"…\"                                 # for a minor

Example:
  zaigang-agent enroll --config agent.toml --person p-001 --photo front.jpg --photo left.jpg \
  --consent consent.toml --server https://zaigang.example.cn";

/// Propose a practitioner's face for enrolment.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// The practitioner, as the server numbers them
    #[arg(long, value_name = "ID")]
    person: PersonId,
    /// A JPEG or PNG with this one face, at least 80 px wide; several make recognition surer
    #[arg(long = "photo", value_name = "FILE", required = true)]
    photos: Vec<PathBuf>,
    /// The consent record; without one nothing is enrolled
    #[arg(long, value_name = "FILE")]
    consent: Option<PathBuf>,
    /// Address of the server
    #[arg(long, value_name = "URL")]
    server: String,
    /// Where the person has several sites: which
    #[arg(long, value_name = "ID")]
    institution: Option<InstitutionId>,
    /// A file with an API token of the clinic or a supervisor, where the server asks for one
    #[arg(long, value_name = "FILE")]
    api_token_file: Option<PathBuf>,
    /// PEM file of the authorities that may vouch for the server [default: `SSL_CERT_FILE`, or this
    /// machine's]
    #[arg(long, value_name = "FILE")]
    server_ca: Option<PathBuf>,
    /// The configuration that names the model pack
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Folder in which model files are looked for first
    #[arg(long, value_name = "FOLDER")]
    models: Option<PathBuf>,
}

/// The consent of a person (P3), as the server takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Consent {
    text_version: String,
    text_sha256: String,
    purposes: Vec<String>,
    scope: String,
    signature: String,
    signed_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    guardian: Option<String>,
}

impl Args {
    pub fn run(self) -> anyhow::Result<()> {
        let Some(consent) = &self.consent else {
            anyhow::bail!(
                "--consent is missing: no face is enrolled without a consent record (--help shows \
                one)"
            );
        };
        // Before anything is looked at: a face and a token cross no network in clear.
        let server = delivery::provision::safe_server(&self.server)?;
        let consent = read_consent(consent)?;
        let photos =
            self.photos.iter().map(|path| read_photo(path)).collect::<anyhow::Result<Vec<_>>>()?;
        self.judge(&photos)?;
        let agent = client(self.server_ca.as_deref())?;
        let proposal = EnrolmentProposal {
            person: &self.person,
            institution: self.institution.as_ref(),
            consent: &consent,
            photos: &photos,
            api_token: self.api_token_file.as_deref().map(read_api_token).transpose()?,
        };
        let answer = proposal.send(&agent, &server)?;
        log_lines::say!(
            "proposed: {} (a supervisor must confirm it)",
            answer["id"].as_str().unwrap_or("?")
        );
        for duplicate in answer["duplicates"].as_array().into_iter().flatten() {
            log_lines::say!(
                "warning: resembles {} by {} ppm",
                duplicate["person"],
                duplicate["score_ppm"]
            );
        }
        Ok(())
    }

    /// The quality gate on this machine: every photograph is told its reasons; all of them must
    /// pass.
    fn judge(&self, photos: &[Vec<u8>]) -> anyhow::Result<()> {
        let config = config::load(&self.config)?;
        let mut analyzer = load_models(&config, self.models.as_deref())?.analyzer;
        let mut refused = 0;
        for (path, photo) in self.photos.iter().zip(photos) {
            match template_from_photo(&mut analyzer, photo, &Gate::ENROLMENT) {
                Ok(enrolled) => {
                    let others = match enrolled.others {
                        0 => String::new(),
                        others => {
                            format!(
                                "; {others} smaller faces beside it are left out: the reviewer \
                                sees them, too"
                            )
                        }
                    };
                    log_lines::say!(
                        "{}: good ({:.0} px wide){others}",
                        path.display(),
                        enrolled.quality.face_width_px
                    );
                }
                Err(why) => {
                    refused += 1;
                    log_lines::say!("{}: {why}", path.display());
                }
            }
        }
        anyhow::ensure!(
            refused == 0,
            "{refused} of {} photographs are not good enough; nothing was sent",
            photos.len()
        );
        Ok(())
    }
}

/// What goes to the server, once everything was judged here.
pub(crate) struct EnrolmentProposal<'a> {
    pub person: &'a PersonId,
    pub institution: Option<&'a InstitutionId>,
    pub consent: &'a Consent,
    pub photos: &'a [Vec<u8>],
    pub api_token: Option<String>,
}

impl EnrolmentProposal<'_> {
    /// Proposes it; a supervisor confirms.
    pub(crate) fn send(
        self,
        agent: &ureq::Agent,
        server: &str,
    ) -> anyhow::Result<serde_json::Value> {
        use ureq::unversioned::multipart::{Form, Part};
        let consent = serde_json::to_string(self.consent)?;
        let mut form = Form::new().text("person", self.person.as_str()).text("consent", &consent);
        if let Some(institution) = self.institution {
            form = form.text("institution", institution.as_str());
        }
        for photo in self.photos {
            // A file's name may be a person's: it stays here.
            form = form.part("photo", Part::bytes(photo).file_name("photo").mime_str(mime(photo))?);
        }
        let url = format!("{}/api/v1/enrolments", server.trim_end_matches('/'));
        let mut request = agent.post(&url);
        if let Some(token) = self.api_token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let mut response = request.send(form).map_err(|why| {
            let why = delivery::mqtt::explained(&why.to_string(), jiff::Timestamp::now());
            anyhow::anyhow!("{url}: the server can not be reached: {why}")
        })?;
        let status = response.status();
        let text = response.body_mut().read_to_string().unwrap_or_default();
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        if !status.is_success() {
            anyhow::bail!(
                "the server refused ({status}): {}",
                delivery::provision::refusal(status.as_u16(), &text)
            );
        }
        Ok(answer)
    }
}

/// Photographs take longer than words.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// A client that believes the given authorities, or this machine's.
fn client(server_ca: Option<&Path>) -> anyhow::Result<ureq::Agent> {
    let trust = server_ca.map_or(Trust::Machine(None), Trust::Alone);
    let made = tls_client::agent(trust, Patience::Whole(ANSWER_WITHIN), "zaigang-agent");
    made.map_err(|bad| anyhow::anyhow!("--server-ca {bad}"))
}

pub(crate) fn read_api_token(path: &Path) -> anyhow::Result<String> {
    let read = local_files::read_secret(path);
    read.map_err(|why| anyhow::anyhow!("--api-token-file {}: {why}", path.display()))
}

impl Consent {
    /// What is missing in it, one line.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if !self.purposes.iter().any(|p| p == "recognition") {
            return Err("`purposes` lacks \"recognition\"");
        }
        if !self.purposes.iter().any(|p| p == "server_storage") {
            return Err("`purposes` lacks \"server_storage\": nothing may leave this machine");
        }
        if self.text_sha256.len() != 64 || !self.text_sha256.bytes().all(|b| b.is_ascii_hexdigit())
        {
            return Err("`text_sha256` is no SHA-256 of 64 hex digits");
        }
        if self.signature.trim().is_empty() {
            return Err("`signature` is empty");
        }
        if self.signed_at.parse::<jiff::Timestamp>().is_err() {
            return Err("`signed_at` is no time: write it as \"2026-03-02T09:00:00+08:00\"");
        }
        Ok(())
    }
}

/// How a photograph was judged, in both languages: what an enrolment's page shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Judged {
    pub(crate) good: bool,
    /// Width of the face, where one was measured.
    pub(crate) width_px: Option<u32>,
    pub(crate) zh: String,
    pub(crate) en: String,
}

/// Judges a photograph (JPEG or PNG) as the server will.
pub(crate) fn judged(analyzer: &mut Analyzer, photo: &[u8]) -> Judged {
    Judged::of(template_from_photo(analyzer, photo, &Gate::ENROLMENT))
}

impl Judged {
    /// [`judged`] for a picture that is decoded already.
    pub(crate) fn picture(analyzer: &mut Analyzer, picture: &Picture) -> Self {
        Self::of(template_from_picture(analyzer, picture, &Gate::ENROLMENT))
    }

    /// Nobody can be judged.
    pub(crate) fn nobody() -> Self {
        let (zh, en) = ("画面中没有人脸".to_owned(), "no face is in view".to_owned());
        Self { good: false, width_px: None, zh, en }
    }

    fn of(result: Result<Enrolled, EnrolError>) -> Self {
        match result {
            Ok(enrolled) => Self {
                good: true,
                width_px: Some(enrolled.quality.face_width_px.round() as u32),
                zh: match enrolled.others {
                    0 => "照片合格".to_owned(),
                    others => format!("照片合格；另有 {others} 张较小的人脸，未采用"),
                },
                en: match enrolled.others {
                    0 => "good".to_owned(),
                    others => format!("good; {others} smaller faces beside it are left out"),
                },
            },
            Err(why) => {
                let width_px = match &why {
                    EnrolError::Rejected(rejection) => {
                        rejection.quality.as_ref().map(|q| q.face_width_px.round() as u32)
                    }
                    EnrolError::Vision(_) => None,
                };
                Self { good: false, width_px, zh: why.zh(), en: why.to_string() }
            }
        }
    }
}

fn read_consent(path: &Path) -> anyhow::Result<Consent> {
    let text = std::fs::read_to_string(path)
        .map_err(|why| anyhow::anyhow!("--consent {}: {why}", path.display()))?;
    let consent: Consent = toml::from_str(&text).map_err(|why| {
        let span = why.span().unwrap_or_default();
        let line = text[..span.start.min(text.len())].matches('\n').count() + 1;
        let value = text.get(span).unwrap_or_default();
        let why = text_fold::toml_fault(why.message(), value);
        anyhow::anyhow!("--consent {}:{line}: {why}", path.display())
    })?;
    consent.check().map_err(|what| anyhow::anyhow!("--consent {}: {what}", path.display()))?;
    Ok(consent)
}

fn read_photo(path: &Path) -> anyhow::Result<Vec<u8>> {
    camera::read_bytes(path).map_err(|why| anyhow::anyhow!("--photo {}: {why}", path.display()))
}

fn mime(photo: &[u8]) -> &'static str {
    if photo.starts_with(b"\x89PNG") { "image/png" } else { "image/jpeg" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn consent(change: impl Fn(&str) -> String) -> anyhow::Result<Consent> {
        let text = format!(
            "text_version = \"2026-1\"\ntext_sha256 = \"{}\"\npurposes = [\"recognition\", \
            \"server_storage\"]\nscope = \"clinic-1\"\nsignature = \"paper\"\nsigned_at = \
            \"2026-03-02T09:00:00+08:00\"\n",
            "a".repeat(64)
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("consent.toml");
        std::fs::write(&path, change(&text)).unwrap();
        read_consent(&path)
    }

    #[test]
    fn a_consent_is_taken_as_it_was_signed() {
        let taken = consent(str::to_owned).unwrap();
        assert_eq!((taken.scope.as_str(), taken.guardian), ("clinic-1", None));
    }

    #[test]
    fn what_is_missing_in_a_consent_is_said_in_one_line() {
        for (from, to, needle) in [
            ("recognition", "advertising", "recognition"),
            (", \"server_storage\"", "", "server_storage"),
            ("\"paper\"", "\" \"", "signature"),
            ("2026-03-02T09", "yesterday", "signed_at"),
            ("aaaa", "zz", "text_sha256"),
            ("scope = \"clinic-1\"\n", "", "scope"),
            ("scope", "scop", "scop"),
        ] {
            let said = format!("{:#}", consent(|text| text.replace(from, to)).unwrap_err());
            assert!(said.contains(needle) && !said.contains('\n'), "{said}");
        }
    }
}
