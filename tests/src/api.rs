//! A small client of the server's HTTP API (server/API.md): JSON in, JSON out, the server's own
//! words on a refusal.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;
use ureq::unversioned::multipart::{Form, Part};

#[derive(Debug, Clone)]
pub struct Api {
    base: String,
    client: Agent,
}

/// One server-sent event.
#[derive(Debug, Clone)]
pub struct ServerEvent {
    pub id: u64,
    pub name: String,
    pub data: Value,
}

impl Api {
    /// `base` such as `http://127.0.0.1:40123`.
    pub fn new(base: &str) -> Self {
        let config = Agent::config_builder().http_status_as_error(false).proxy(None).build();
        Self { base: base.trim_end_matches('/').to_owned(), client: config.into() }
    }

    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn get(&self, path: &str) -> Result<Value> {
        let url = format!("{}/api/v1/{path}", self.base);
        let answer = self.client.get(&url).call().with_context(|| format!("GET {url}"))?;
        accepted(&format!("GET {path}"), answer)
    }

    pub fn post(&self, path: &str, body: &Value) -> Result<Value> {
        let url = format!("{}/api/v1/{path}", self.base);
        let answer =
            self.client.post(&url).send_json(body).with_context(|| format!("POST {url}"))?;
        accepted(&format!("POST {path}"), answer)
    }

    /// A page's HTML, or any other text.
    pub fn text(&self, path: &str) -> Result<String> {
        let url = format!("{}{path}", self.base);
        let mut answer = self.client.get(&url).call().with_context(|| format!("GET {url}"))?;
        if !answer.status().is_success() {
            bail!("GET {path}: {}", answer.status());
        }
        Ok(answer.body_mut().read_to_string()?)
    }

    /// Sends a page's form; gives the page that answers.
    pub fn send_form(&self, path: &str, fields: &[(&str, &str)]) -> Result<String> {
        let url = format!("{}{path}", self.base);
        let form = fields.iter().fold(Form::new(), |form, (name, value)| form.text(name, value));
        let mut answer =
            self.client.post(&url).send(form).with_context(|| format!("POST {url}"))?;
        let (status, text) = (answer.status(), answer.body_mut().read_to_string()?);
        if status.is_success() { Ok(text) } else { bail!("POST {path}: {status} {text}") }
    }

    /// Sends a page's plain form, as one without files is sent.
    pub fn send_pairs(&self, path: &str, fields: &[(&str, &str)]) -> Result<String> {
        let url = format!("{}{path}", self.base);
        let sent = self.client.post(&url).send_form(fields.iter().copied());
        let mut answer = sent.with_context(|| format!("POST {url}"))?;
        let (status, text) = (answer.status(), answer.body_mut().read_to_string()?);
        if status.is_success() { Ok(text) } else { bail!("POST {path}: {status} {text}") }
    }

    /// Proposes an enrolment: person, institution, consent record, photographs as file bytes (JPEG
    /// or PNG).
    pub fn propose_enrolment(
        &self,
        person: &str,
        institution: &str,
        consent: &Value,
        photos: &[Vec<u8>],
    ) -> Result<Value> {
        let consent = consent.to_string();
        let url = format!("{}/api/v1/enrolments", self.base);
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let mut form = Form::new()
                .text("person", person)
                .text("institution", institution)
                .text("consent", &consent);
            for photo in photos {
                form = form.part(
                    "photo",
                    Part::bytes(photo).file_name("photo.png").mime_str("image/png")?,
                );
            }
            let answer =
                self.client.post(&url).send(form).with_context(|| format!("POST {url}"))?;
            // A server that has just started still loads its model pack, and says so by 503.
            if answer.status().as_u16() != 503 || Instant::now() > deadline {
                return accepted(&format!("enrolment of {person}"), answer);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Gives the authority's photograph of a person, as its page does.
    pub fn put_registry_photo(&self, person: &str, photo: &[u8]) -> Result<()> {
        let url = format!("{}/registry-photo/{person}", self.base);
        let part = Part::bytes(photo).file_name("photo.png").mime_str("image/png")?;
        let form = Form::new().part("photo", part);
        let answer = self.client.post(&url).send(form).with_context(|| format!("POST {url}"))?;
        let status = answer.status();
        if !(status.is_success() || status.is_redirection()) {
            bail!("the registry photograph of {person}: {}", status.as_u16());
        }
        Ok(())
    }

    /// All events after `after`, one by one, until the server goes or `until` says enough.
    pub fn listen(&self, after: u64, mut until: impl FnMut(ServerEvent) -> bool) -> Result<()> {
        let url = format!("{}/events?after={after}", self.base);
        let answer = self.client.get(&url).call().with_context(|| format!("GET {url}"))?;
        let mut event = ServerEvent { id: after, name: String::new(), data: Value::Null };
        for line in BufReader::new(answer.into_body().into_reader()).lines() {
            let line = line?;
            if let Some(id) = line.strip_prefix("id:") {
                event.id = id.trim().parse().unwrap_or(event.id);
            } else if let Some(name) = line.strip_prefix("event:") {
                name.trim().clone_into(&mut event.name);
            } else if let Some(data) = line.strip_prefix("data:") {
                event.data = serde_json::from_str(data.trim()).unwrap_or(Value::Null);
            } else if line.is_empty() && !event.name.is_empty() {
                if until(event.clone()) {
                    return Ok(());
                }
                event.name.clear();
            }
        }
        Ok(())
    }
}

fn accepted(what: &str, mut answer: Response<ureq::Body>) -> Result<Value> {
    let status = answer.status();
    let text = answer.body_mut().read_to_string()?;
    if !status.is_success() {
        bail!("{what}: {} {}", status.as_u16(), refusal(&text));
    }
    serde_json::from_str(&text).with_context(|| format!("{what}: the answer is no JSON: {text}"))
}

fn refusal(text: &str) -> String {
    let problem: Option<Value> = serde_json::from_str(text).ok();
    let detail = problem.as_ref().and_then(|p| p["detail"].as_str());
    detail.unwrap_or(text).to_owned()
}
