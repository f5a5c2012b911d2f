//! The form of an enrolment: photographs, the person and the consent record. Reads and bounds it;
//! decides nothing.

use axum::extract::multipart::MultipartRejection;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use serde_json::json;

use crate::enrol::{MOST_PHOTO_BYTES, MOST_PHOTOS};
use crate::model::Consent;
use crate::problem::Problem;
use crate::text;
use crate::web::endpoint::{Input, Operation};

/// The form of an enrolment, unread.
pub(super) struct EnrolmentForm(pub Multipart);

impl<S: Send + Sync> FromRequest<S> for EnrolmentForm {
    type Rejection = MultipartRejection;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(Multipart::from_request(request, state).await?))
    }
}

impl Input for EnrolmentForm {
    fn describe(it: &mut Operation<'_>) {
        let consent = it.schemas.subschema_for::<Consent>();
        let photo = json!({"type": "string", "contentMediaType": "image/jpeg"});
        let properties = json!({
            "person": {"type": "string"},
            "institution": {"type": "string"},
            "consent": consent,
            "photo": {"type": "array", "items": photo},
        });
        let required = json!(["person", "consent", "photo"]);
        it.body(
            "multipart/form-data",
            json!({"type": "object", "required": required, "properties": properties}),
        );
    }
}

/// What an upload holds once it was read.
pub(in crate::web) struct Upload {
    pub person: String,
    pub institution: Option<String>,
    pub consent: Option<Consent>,
    pub photos: Vec<Vec<u8>>,
    /// Other text fields, for the page's form.
    pub rest: std::collections::BTreeMap<String, String>,
}

pub(in crate::web) async fn read_upload(mut form: Multipart) -> Result<Upload, Problem> {
    let unreadable = |e: axum::extract::multipart::MultipartError| {
        Problem::new(e.status(), format!("the upload could not be read: {}", e.body_text()))
    };
    let mut upload = Upload {
        person: String::new(),
        institution: None,
        consent: None,
        photos: Vec::new(),
        rest: std::collections::BTreeMap::new(),
    };
    while let Some(field) = form.next_field().await.map_err(unreadable)? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(unreadable)?;
        if name == "photo" {
            if bytes.len() > MOST_PHOTO_BYTES {
                let why = format!(
                    "photo {}: {} bytes, at most {MOST_PHOTO_BYTES} are taken",
                    upload.photos.len() + 1,
                    bytes.len()
                );
                return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, why));
            }
            if upload.photos.len() == MOST_PHOTOS {
                return Err(Problem::unprocessable(format!(
                    "photo: at most {MOST_PHOTOS} photographs in one enrolment"
                )));
            }
            upload.photos.push(bytes.to_vec());
            continue;
        }
        let text = String::from_utf8(bytes.to_vec())
            .map_err(|_| Problem::bad(format!("{name}: no UTF-8 text")))?;
        let text = text::incoming(&name, &text).map_err(Problem::unprocessable)?;
        match name.as_str() {
            "person" => upload.person = text,
            "institution" => upload.institution = Some(text).filter(|t| !t.is_empty()),
            "consent" => {
                let unreadable =
                    |e: serde_json::Error| Problem::unprocessable(format!("consent: {e}"));
                let mut consent = serde_json::from_str(&text).map_err(unreadable)?;
                text::fold_json(&mut consent)
                    .map_err(|fault| Problem::unprocessable(format!("consent.{fault}")))?;
                upload.consent = Some(serde_json::from_value(consent).map_err(unreadable)?);
            }
            _ => drop(upload.rest.insert(name, text)),
        }
    }
    Ok(upload)
}
