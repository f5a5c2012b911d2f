//! Behind the proxies of `docs/proxy.md`, as they stand there but for ports and files: login from
//! an old browser, cookies, the live stream, a large photograph. Where a proxy is not installed the
//! test says so.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use server::tls_client;

use crate::house::House;

struct Proxy {
    child: Child,
    base: String,
    ca: PathBuf,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn installed(program: &str) -> bool {
    let there = Command::new(program)
        .arg("-v")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if !there {
        eprintln!("SKIPPED proxy::{program}: not installed (scripts/setup --tests)");
    }
    there
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An authority, and the certificate and key of `localhost` that it signed.
fn certificates(folder: &Path) -> PathBuf {
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca = folder.join("ca.pem");
    std::fs::write(&ca, authority.self_signed(&authority_key).unwrap().pem()).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let issuer = rcgen::Issuer::new(authority, authority_key);
    std::fs::write(folder.join("fullchain.pem"), leaf.signed_by(&key, &issuer).unwrap().pem())
        .unwrap();
    std::fs::write(folder.join("key.pem"), key.serialize_pem()).unwrap();
    ca
}

fn doc(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/proxy").join(file))
        .unwrap()
}

fn ours(text: &str, folder: &Path, port: u16, upstream: u16) -> String {
    text.replace("/etc/ssl/zaigang", &folder.display().to_string())
        .replace("127.0.0.1:8080", &format!("127.0.0.1:{upstream}"))
        .replace("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl"))
        .replace("server_name zaigang.example.cn", "server_name localhost")
        .replace("zaigang.example.cn {", &format!("https://localhost:{port} {{"))
}

/// What it says of itself lies in the folder, too.
fn begin(mut command: Command, folder: &Path, port: u16) -> Proxy {
    let said = std::fs::File::create(folder.join("said")).unwrap();
    let also = said.try_clone().unwrap();
    let child = command.stdin(Stdio::null()).stdout(said).stderr(also).spawn().unwrap();
    let by = Instant::now() + Duration::from_secs(20);
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < by, "the proxy does not listen");
        std::thread::sleep(Duration::from_millis(50));
    }
    Proxy { child, base: format!("https://localhost:{port}"), ca: folder.join("ca.pem") }
}

fn nginx(folder: &Path, text: &str, port: u16) -> Proxy {
    nginx_with(folder, "access_log off;", text, port)
}

fn nginx_with(folder: &Path, log: &str, text: &str, port: u16) -> Proxy {
    let at = folder.display();
    let whole = format!(
        "pid {at}/pid; error_log {at}/error.log; daemon off; master_process off; events \
            {{}}\nhttp {{ {log} client_body_temp_path {at}/b; \
         proxy_temp_path {at}/p; fastcgi_temp_path {at}/f; uwsgi_temp_path {at}/u; scgi_temp_path \
         {at}/s;\n{text}\n}}\n"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, whole).unwrap();
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(file);
    begin(command, folder, port)
}

fn house_for(port: u16) -> House {
    let extra = format!(
        "[http]\npublic_url = \"https://localhost:{port}\"\ntrusted_proxies = \
        [\"127.0.0.1\"]\n[access]\naccounts = true\n"
    );
    House::with(tempfile::tempdir().unwrap(), &extra)
}

fn upstream(house: &House) -> u16 {
    house.base.rsplit(':').next().unwrap().parse().unwrap()
}

/// The login's cookie as a browser sends it back; it must be of this host alone, and never travel
/// without TLS.
fn cookie_of(answer: &ureq::http::Response<ureq::Body>) -> String {
    let cookies = answer.headers().get_all("set-cookie").iter().filter_map(|c| c.to_str().ok());
    let cookie = cookies
        .into_iter()
        .find(|c| c.starts_with("__Host-zaigang="))
        .expect("the cookie bears no prefix");
    assert!(cookie.contains("; Secure"), "{cookie}");
    cookie.split(';').next().unwrap().to_owned()
}

/// What a person does through the proxy, with a browser that says nothing but where its page is
/// from.
fn walk(house: &House, proxy: &Proxy) {
    let agent = tls_client::http(Some(&proxy.ca)).unwrap();
    let password = "correct horse battery staple 9";
    let accept = |path: &str, name: &str| {
        let form = [("name", name), ("display", name), ("password", password)];
        let made = agent
            .post(format!("{}{path}", proxy.base))
            .header("Origin", &proxy.base)
            .send_form(form)
            .unwrap();
        assert!(made.status().is_redirection() || made.status().is_success(), "{}", made.status());
    };
    let login = |name: &str, origin: &str| {
        let form = [("name", name), ("password", password)];
        agent
            .post(format!("{}/login", proxy.base))
            .header("Origin", origin)
            .send_form(form)
            .unwrap()
    };
    accept(&house.first_admin_path(), "admin-zt");
    let admin = cookie_of(&login("admin-zt", &proxy.base));
    let invited = agent
        .post(format!("{}/api/v1/accounts", proxy.base))
        .header("Origin", &proxy.base)
        .header("Cookie", &admin)
        .send_json(json!({"role":"supervisor","scope":""}));
    let invited: serde_json::Value = invited.unwrap().body_mut().read_json().unwrap();
    accept(invited["path"].as_str().unwrap(), "sup-zt");
    let mut foreign = login("sup-zt", "https://evil.example");
    assert_eq!(foreign.status(), 403);
    assert!(
        foreign.body_mut().read_to_string().unwrap().contains("http.public_url"),
        "the mend is not named"
    );
    let entered = login("sup-zt", &proxy.base);
    assert_eq!(entered.status(), 303, "a browser without Sec-Fetch-Site can not come in");
    let cookie = cookie_of(&entered);

    let began = Instant::now();
    let stream = agent
        .get(format!("{}/events", proxy.base))
        .config()
        .timeout_global(Some(Duration::from_secs(30)))
        .build()
        .header("Cookie", &cookie)
        .call()
        .unwrap();
    assert_eq!(stream.status(), 200);
    assert!(began.elapsed() < Duration::from_secs(5), "the stream's head was kept back");
    let mut lines = BufReader::new(stream.into_body().into_reader()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with(": beat")), "no beat came");
    let store = &house.running().app.store;
    store.feed_append("session", &json!({"session": "s-1"})).unwrap();
    house.running().app.touch();
    assert!(lines.any(|line| line == "event: session"), "an event was kept back");
    assert!(began.elapsed() < Duration::from_secs(10), "an event came late");

    // Larger than a proxy takes by itself: it reaches the server, which says that this is no
    // photograph.
    let photo = vec![0u8; 3 << 20];
    let answer = agent
        .post(format!("{}/api/v1/enrolments/quality", proxy.base))
        .header("Cookie", &cookie)
        .header("Sec-Fetch-Site", "same-origin")
        .content_type("image/jpeg")
        .send(&photo[..])
        .unwrap();
    assert_ne!(answer.status(), 413, "the proxy's limit");
    let mut body = Vec::new();
    answer.into_body().into_reader().take(4096).read_to_end(&mut body).unwrap();
    assert!(!body.starts_with(b"<"), "{}", String::from_utf8_lossy(&body));
}

#[test]
fn people_work_behind_the_nginx_of_the_book() {
    if !installed("nginx") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let port = free_port();
    let house = house_for(port);
    let text = ours(&doc("nginx.conf"), folder.path(), port, upstream(&house));
    walk(&house, &nginx(folder.path(), &text, port));
}

/// As Debian ships it, with nothing but `proxy_pass`: what the server can do by itself, it does.
#[test]
fn nginx_without_settings_keeps_no_event_and_no_login_back() {
    if !installed("nginx") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let port = free_port();
    let house = house_for(port);
    let text = "server { listen 443 ssl; server_name zaigang.example.cn; client_max_body_size 130m;
        ssl_certificate /etc/ssl/zaigang/fullchain.pem; ssl_certificate_key \
        /etc/ssl/zaigang/key.pem;
        location / { proxy_pass http://127.0.0.1:8080; } }";
    let text = ours(text, folder.path(), port, upstream(&house));
    walk(&house, &nginx(folder.path(), &text, port));
}

/// Every file that the proxy wrote, but for what we gave it.
fn written(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let given = path.extension().is_some_and(|end| end == "pem" || end == "conf");
        if path.is_dir() {
            all.extend(written(&path));
        } else if !given {
            all.push((
                path.clone(),
                String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into(),
            ));
        }
    }
    all
}

#[test]
fn the_doors_nginx_writes_no_address_down() {
    if !installed("nginx") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let port = free_port();
    let house = crate::public::with_door();
    let door = house.running().ready.public.clone().unwrap();
    // As Debian's nginx.conf has it: whatever a site says nothing of is logged.
    let log = format!("access_log {}/access.log;\n", folder.path().display());
    let text = doc("public-nginx.conf")
        .replace("/etc/ssl/zaigang", &folder.path().display().to_string())
        .replace("127.0.0.1:8090", door.strip_prefix("http://").unwrap())
        .replace("listen 443 ssl", &format!("listen 127.0.0.1:{port} ssl"))
        .replace("server_name yimei.example.cn", "server_name localhost");
    leaves_no_trace(house, &nginx_with(folder.path(), &log, &text, port), folder.path());
}

/// Visits of the door, one report that is refused, one that breaks off, and a visit when the door
/// is down: nothing of them lies in a file of the proxy.
fn leaves_no_trace(house: House, proxy: &Proxy, folder: &Path) {
    let agent = tls_client::http(Some(&proxy.ca)).unwrap();
    let get = |path: &str| {
        let asked = agent.get(format!("{}{path}", proxy.base));
        asked.header("User-Agent", "MARK-OF-THE-BROWSER").call().unwrap().status().as_u16()
    };
    let asked = [("/p", 200), ("/p/report", 200), ("/p/nowhere", 404), ("/", 302), ("/login", 404)];
    for (path, expected) in asked {
        assert_eq!(get(path), expected, "{path}");
    }
    let post = |body: &[u8]| {
        agent
            .post(format!("{}/p/report", proxy.base))
            .header("User-Agent", "MARK-OF-THE-BROWSER")
            .content_type("multipart/form-data; boundary=x")
            .send(body)
    };
    let fields = [("text", "MARK-OF-THE-TEXT")];
    assert_eq!(post(&crate::public::multipart(&fields, &[])).unwrap().status(), 422);
    // Longer than the proxy takes: some answer before it is sent, some break it off.
    let refused = post(&vec![b'x'; 40 << 20]);
    assert!(refused.is_err() || refused.is_ok_and(|answer| !answer.status().is_success()));
    drop(house);
    assert_eq!(get("/p/report?q=MARK-OF-THE-QUERY"), 502);
    let all = written(folder);
    assert!(all.iter().any(|(file, _)| file.ends_with("said")));
    for (file, text) in all {
        for trace in ["/p/report", "127.0.0.1 -", "client:", "remote_ip", "MARK-OF"] {
            assert!(!text.contains(trace), "{trace} in {}: {text}", file.display());
        }
    }
}

#[test]
fn the_doors_caddy_writes_no_address_down() {
    if !installed("caddy") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let port = free_port();
    let house = crate::public::with_door();
    let door = house.running().ready.public.clone().unwrap();
    let text = doc("public-Caddyfile")
        .replace("/etc/ssl/zaigang", &folder.path().display().to_string())
        .replace("127.0.0.1:8090", door.strip_prefix("http://").unwrap())
        .replace("yimei.example.cn {", &format!("https://localhost:{port} {{"));
    leaves_no_trace(house, &caddy(folder.path(), &text, port), folder.path());
}

fn caddy(folder: &Path, text: &str, port: u16) -> Proxy {
    let file = folder.join("Caddyfile");
    std::fs::write(&file, format!("{{\n\tadmin off\n\tauto_https disable_redirects\n}}\n{text}"))
        .unwrap();
    let mut command = Command::new("caddy");
    command.args(["run", "--adapter", "caddyfile", "--config"]).arg(&file);
    command.env("XDG_DATA_HOME", folder).env("XDG_CONFIG_HOME", folder);
    begin(command, folder, port)
}

#[test]
fn people_work_behind_the_caddy_of_the_book() {
    if !installed("caddy") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let port = free_port();
    let house = house_for(port);
    let text = ours(&doc("Caddyfile"), folder.path(), port, upstream(&house));
    walk(&house, &caddy(folder.path(), &text, port));
}
