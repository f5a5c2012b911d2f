//! One person (or program, or nobody) before the server's HTTP door: asks as a browser or a client
//! does, and gets the whole answer, refusals too.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use ureq::Agent;
use ureq::http::Response;
use ureq::unversioned::multipart::Form;

/// What proves who it is.
#[derive(Debug, Clone)]
enum Pass {
    Nobody,
    /// The cookie of a login.
    Login(String),
    /// An API token.
    Token(String),
}

#[derive(Debug, Clone)]
pub struct User {
    base: String,
    client: Agent,
    pass: Pass,
    /// Sent as `X-Why`; empty: not sent.
    why: String,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct HttpAnswer {
    pub status: u16,
    pub text: String,
    /// The value of `Set-Cookie`'s `zaigang`, where one came.
    pub cookie: Option<String>,
    pub location: Option<String>,
}

impl HttpAnswer {
    /// The JSON body; null where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or(Value::Null)
    }

    /// The JSON body of a success, or the server's words of refusal as the error.
    pub fn ok(&self) -> Result<Value> {
        if (200..300).contains(&self.status) {
            return Ok(self.json());
        }
        let problem = self.json();
        bail!("{} {}", self.status, problem["detail"].as_str().unwrap_or(&self.text))
    }
}

impl User {
    /// Nobody in particular; `base` such as `http://127.0.0.1:40123`.
    pub fn nobody(base: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .proxy(None)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build();
        Self {
            base: base.trim_end_matches('/').to_owned(),
            client: config.into(),
            pass: Pass::Nobody,
            why: String::new(),
        }
    }

    /// Logs in by the page's form.
    pub fn log_in(base: &str, name: &str, password: &str) -> Result<Self> {
        let nobody = Self::nobody(base);
        let answer = nobody.form("/login", &[("name", name), ("password", password)])?;
        let cookie =
            answer.cookie.with_context(|| format!("{name} can not log in: {}", answer.status))?;
        Ok(Self { pass: Pass::Login(cookie), ..nobody })
    }

    /// The same browser before another server.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        Self { base: base.trim_end_matches('/').to_owned(), ..self.clone() }
    }

    /// A program with this API token.
    pub fn with_token(base: &str, token: &str) -> Self {
        Self { pass: Pass::Token(token.to_owned()), ..Self::nobody(base) }
    }

    /// Says why with every request (`X-Why`).
    #[must_use]
    pub fn because(mut self, why: &str) -> Self {
        why.clone_into(&mut self.why);
        self
    }

    /// The cookie of this login, as a thief or a second browser tab would use it.
    pub fn cookie(&self) -> Option<&str> {
        match &self.pass {
            Pass::Login(cookie) => Some(cookie),
            _ => None,
        }
    }

    /// `path` begins with `/`: `/api/v1/alerts`, or a page.
    pub fn get(&self, path: &str) -> Result<HttpAnswer> {
        let mut asked = self.client.get(format!("{}{path}", self.base));
        for (name, value) in self.headers() {
            asked = asked.header(name, value);
        }
        answer(asked.call().with_context(|| format!("GET {path}"))?)
    }

    /// A file, as its bytes are.
    pub fn download(&self, path: &str) -> Result<Vec<u8>> {
        let mut asked = self.client.get(format!("{}{path}", self.base));
        for (name, value) in self.headers() {
            asked = asked.header(name, value);
        }
        let mut got = asked.call().with_context(|| format!("GET {path}"))?;
        if !got.status().is_success() {
            bail!("GET {path}: {}", answer(got)?.text);
        }
        Ok(got.body_mut().read_to_vec()?)
    }

    pub fn post(&self, path: &str, body: &Value) -> Result<HttpAnswer> {
        let sent = self.posting(path).content_type("application/json").send(body.to_string());
        answer(sent.with_context(|| format!("POST {path}"))?)
    }

    /// A page's form.
    pub fn form(&self, path: &str, fields: &[(&str, &str)]) -> Result<HttpAnswer> {
        let sent = self.posting(path).send_form(fields.iter().copied());
        answer(sent.with_context(|| format!("POST {path}"))?)
    }

    /// A form with files.
    pub fn upload(&self, path: &str, form: Form<'_>) -> Result<HttpAnswer> {
        answer(self.posting(path).send(form).with_context(|| format!("POST {path}"))?)
    }

    /// Any bytes of any kind.
    pub fn send(&self, path: &str, kind: &str, body: &[u8]) -> Result<HttpAnswer> {
        answer(
            self.posting(path)
                .content_type(kind)
                .send(body)
                .with_context(|| format!("POST {path}"))?,
        )
    }

    fn posting(&self, path: &str) -> ureq::RequestBuilder<ureq::typestate::WithBody> {
        let mut asked = self.client.post(format!("{}{path}", self.base));
        for (name, value) in self.headers() {
            asked = asked.header(name, value);
        }
        asked
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = match &self.pass {
            Pass::Nobody => Vec::new(),
            Pass::Login(cookie) => vec![("Cookie", format!("zaigang={cookie}"))],
            Pass::Token(token) => vec![("Authorization", format!("Bearer {token}"))],
        };
        // What a browser says of a request from the server's own page.
        headers.push(("Sec-Fetch-Site", "same-origin".to_owned()));
        if !self.why.is_empty() {
            headers.push(("X-Why", self.why.clone()));
        }
        headers
    }
}

fn answer(mut from: Response<ureq::Body>) -> Result<HttpAnswer> {
    let header =
        |name: &str| from.headers().get(name).and_then(|v| v.to_str().ok()).map(str::to_owned);
    let cookie = header("set-cookie").and_then(|set| {
        let (name, value) = set.split(';').next()?.split_once('=')?;
        (name.trim().trim_start_matches("__Host-") == "zaigang" && !value.is_empty())
            .then(|| value.to_owned())
    });
    let location = header("location");
    let status = from.status().as_u16();
    let bytes = from.body_mut().with_config().limit(256 << 20).read_to_vec()?;
    Ok(HttpAnswer { status, text: String::from_utf8_lossy(&bytes).into_owned(), cookie, location })
}
