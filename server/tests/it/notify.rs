//! Who is told beyond the pages: a signed webhook that is tried again, an e-mail, escalation, and
//! nothing unnamed.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use serde_json::{Value, json};
use server::notify::plan;

use crate::boxes::{TestBox, WAIT, finding};
use crate::house::House;

/// What a webhook's receiver got.
struct Heard {
    signature: String,
    event: String,
    body: String,
}

/// Answers with each status in turn, then 200 for ever.
fn receiver(statuses: &'static [u16]) -> (String, mpsc::Receiver<Heard>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let mut reader = BufReader::new(stream.unwrap());
            let (mut length, mut it) =
                (0, Heard { signature: String::new(), event: String::new(), body: String::new() });
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let lower = line.trim().to_lowercase();
                if lower.is_empty() {
                    break;
                }
                let value = |name: &str| lower.strip_prefix(name).map(|v| v.trim().to_owned());
                length = value("content-length:").map_or(length, |v| v.parse().unwrap());
                it.signature = value("x-zaigang-signature:").unwrap_or(it.signature);
                it.event = value("x-zaigang-event:").unwrap_or(it.event);
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).unwrap();
            it.body = String::from_utf8(body).unwrap();
            let status = statuses.get(n).unwrap_or(&200);
            write!(
                reader.get_mut(),
                "HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            .unwrap();
            if tell.send(it).is_err() {
                return;
            }
        }
    });
    (origin, heard)
}

fn house(outgoing: &str) -> House {
    House::with(tempfile::tempdir().unwrap(), outgoing)
}

fn raise(house: &House) {
    let mut b = TestBox::provision(house, &house.furnish());
    b.connect();
    b.say(&finding('a', '1', "opened", 1, "LL-1", "LicenseLending", "L2"));
    b.receipted(1);
}

#[test]
fn a_webhook_is_signed_names_nobody_and_is_tried_again() {
    let (origin, heard) = receiver(&[503]);
    let house = house(&format!("[outgoing]\nwebhook_origins = [\"{origin}\"]\n"));
    let made = house.must_post(
        "hooks",
        &json!({"id":"duty","kind":"webhook","target":format!("{origin}/in"),"min_severity":2}),
    );
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(!house.get("hooks").to_string().contains(&secret), "the secret is shown again");
    raise(&house);
    let first = heard.recv_timeout(WAIT).unwrap();
    let again = heard.recv_timeout(WAIT).expect("a refused delivery was not tried again");
    assert_eq!(first.body, again.body);
    assert_eq!(again.event, "alert.opened");
    let at: i64 = again.signature.split(['=', ',']).nth(1).unwrap().parse().unwrap();
    assert_eq!(plan::signature(secret.as_bytes(), at, &again.body).unwrap(), again.signature);
    for person in ["p-lead", "p-other", "王主诊"] {
        assert!(!again.body.contains(person), "{}", again.body);
    }
    let log = house.until("deliveries", |d| d["deliveries"][0]["state"] == "delivered");
    assert_eq!(
        (&log["deliveries"][0]["attempts"], log["deliveries"].as_array().unwrap().len()),
        (&json!(2), 1)
    );
}

#[test]
fn nothing_goes_where_the_configuration_names_nothing() {
    let (origin, _heard) = receiver(&[]);
    let house = house(&format!("[outgoing]\nwebhook_origins = [\"{origin}\"]\n"));
    for target in [
        "http://127.0.0.1:1/in",
        "https://evil.example/",
        &format!("{origin}.evil.example/"),
        &format!("{origin}@evil.example/"),
    ] {
        let (status, answer) =
            house.post("hooks", &json!({"id":"x","kind":"webhook","target":target}));
        assert!(
            status == 422 && answer["detail"].as_str().unwrap().contains("does not name"),
            "{target}: {status} {answer}"
        );
    }
    let (status, answer) =
        house.post("hooks", &json!({"id":"x","kind":"email","target":"duty@example.cn"}));
    assert!(
        status == 422 && answer["detail"].as_str().unwrap().contains("mail server"),
        "{answer}"
    );
}

#[test]
fn what_nobody_takes_up_goes_on_to_the_next() {
    let (origin, heard) = receiver(&[]);
    let house = house(&format!("[outgoing]\nwebhook_origins = [\"{origin}\"]\n"));
    let hook = |id: &str, more: Value| {
        let mut body = json!({"id":id,"kind":"webhook","target":format!("{origin}/{id}")});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        house.must_post("hooks", &body);
    };
    hook("chief", json!({"min_severity":3}));
    hook("duty", json!({"escalate_after_min":1,"escalate_to":"chief"}));
    raise(&house);
    assert_eq!(heard.recv_timeout(WAIT).unwrap().event, "alert.opened");
    // The minute is over when the clock that asks says so.
    let store = &house.running().app.store;
    let far: server::clock::At = "2099-01-01T00:00:00.000Z".parse().unwrap();
    assert_eq!(store.take_escalations(far, |_| far, |_, _, _| Some(far)).unwrap(), 1);
    assert_eq!(
        store.take_escalations(far, |_| far, |_, _, _| Some(far)).unwrap(),
        0,
        "escalated twice"
    );
    let told = &store.deliveries(Some("chief"), None, 5).unwrap()[0];
    assert_eq!(told.event.code(), "alert.escalated");
}

#[test]
fn an_e_mail_says_the_number_and_names_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (tell, heard) = mpsc::channel();
    std::thread::spawn(move || mail_server(&listener, &tell));
    let house = house(&format!(
        "[smtp]\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nfrom = \"Zaigang \
        <zaigang@example.cn>\"\n"
    ));
    house.must_post("hooks", &json!({"id":"mail","kind":"email","target":"duty@example.cn"}));
    raise(&house);
    let message: String = heard.recv_timeout(WAIT).unwrap();
    assert!(message.contains("To: duty@example.cn") && message.contains("Subject:"), "{message}");
    assert!(!message.contains("p-lead"), "{message}");
    house.until("deliveries", |d| d["deliveries"][0]["state"] == "delivered");
}

/// The same over TLS from the first byte, by an authority that only the configuration knows;
/// without it nothing is sent.
#[test]
fn an_e_mail_goes_to_vouched_for_servers_alone() {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (certified.cert.der().clone(), certified.signing_key.serialize_der());
    let tls = rustls::ServerConfig::builder_with_provider(std::sync::Arc::new(
        rustls::crypto::ring::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .unwrap()
    .with_no_client_auth()
    .with_single_cert(vec![certificate], rustls::pki_types::PrivatePkcs8KeyDer::from(key).into())
    .unwrap();
    let tls = std::sync::Arc::new(tls);
    for trusted in [true, false] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, heard) = mpsc::channel();
        let tls = std::sync::Arc::clone(&tls);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let made = rustls::ServerConnection::new(std::sync::Arc::clone(&tls)).unwrap();
                let stream = rustls::StreamOwned::new(made, stream.unwrap());
                // A client that does not trust us goes away in the middle.
                let _ = mail_dialogue(stream, &tell);
            }
        });
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mail-ca.pem"), certified.cert.pem()).unwrap();
        let authority = if trusted { "ca_file = \"mail-ca.pem\"\n" } else { "" };
        let house = House::with(
            folder,
            &format!(
                "[smtp]\nhost = \"localhost\"\nport = {port}\ntls = \"implicit\"\n{authority}from \
                = \"Zaigang <zaigang@example.cn>\"\n"
            ),
        );
        house.must_post("hooks", &json!({"id":"mail","kind":"email","target":"duty@example.cn"}));
        house.must_post("hooks/mail/steps", &json!({"step":"test"}));
        if trusted {
            assert!(heard.recv_timeout(WAIT).unwrap().contains("To: duty@example.cn"));
            house.until("deliveries", |d| d["deliveries"][0]["state"] == "delivered");
        } else {
            let told =
                house.until("deliveries", |d| d["deliveries"][0]["attempts"].as_i64() > Some(0));
            assert_ne!(told["deliveries"][0]["state"], "delivered", "{told}");
            assert!(heard.try_recv().is_err(), "a message went to whom nobody vouches for");
        }
    }
}

/// As much of a mail server as one message needs.
pub(crate) fn mail_server(listener: &TcpListener, tell: &mpsc::Sender<String>) {
    let (stream, _) = listener.accept().unwrap();
    mail_dialogue(stream, tell).unwrap();
}

fn mail_dialogue(
    stream: impl std::io::Read + std::io::Write,
    tell: &mpsc::Sender<String>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    reader.get_mut().write_all(b"220 here\r\n")?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 0 {
        let command = line.trim().to_uppercase();
        if command == "DATA" {
            reader.get_mut().write_all(b"354 go on\r\n")?;
            let mut message = String::new();
            loop {
                let mut part = String::new();
                reader.read_line(&mut part)?;
                if part == ".\r\n" {
                    break;
                }
                message.push_str(&part);
            }
            reader.get_mut().write_all(b"250 taken\r\n")?;
            tell.send(message).unwrap();
        } else if command.starts_with("QUIT") {
            return reader.get_mut().write_all(b"221 bye\r\n");
        } else {
            reader.get_mut().write_all(b"250 ok\r\n")?;
        }
        line.clear();
    }
    Ok(())
}

#[test]
fn a_wrong_hook_keeps_what_was_typed() {
    let (origin, _heard) = receiver(&[]);
    let house = house(&format!("[outgoing]\nwebhook_origins = [\"{origin}\"]\n"));
    let form = "application/x-www-form-urlencoded";
    let wrong =
        b"id=duty&kind=webhook&target=https%3A%2F%2Fevil.example%2F&min_severity=2&quiet_from=22%3A00&quiet_to=07%3A00";
    let page = house.send("POST", "/hooks?lang=en", form, wrong).body;
    assert!(
        page.contains("does not name")
            && page.contains("https://evil.example/")
            && page.contains("22:00"),
        "{page}"
    );
    let good = format!(
        "id=duty&kind=webhook&target={origin}/in&min_severity=2&quiet_from=22:00&quiet_to=07:00"
    );
    assert!(
        house
            .send("POST", "/hooks?lang=en", form, good.as_bytes())
            .body
            .contains("shown this once")
    );
    assert_eq!(house.get("hooks")["hooks"][0]["quiet"]["from_min"], 22 * 60);
}
