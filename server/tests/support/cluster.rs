//! A PostgreSQL of the test process's own: on a socket in a folder that goes with it, without a
//! port. A test that is told of one by its environment gets a database there for each data folder.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of the socket, for the tests that are played on PostgreSQL.
pub(crate) const SOCKET: &str = "ZAIGANG_TEST_POSTGRES";
const USER: &str = "zaigang";
const TEMPLATE: &str = "prepared";

pub(crate) struct Cluster {
    folder: tempfile::TempDir,
    programs: PathBuf,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        Self::start_with("listen_addresses = ''\nfsync = off\nfull_page_writes = off\n", |_| ())
    }

    /// With settings and files of its own.
    pub(crate) fn start_with(settings: &str, prepare: impl FnOnce(&Self)) -> Self {
        let programs = programs();
        let folder = tempfile::Builder::new().prefix("zaigang-pg-").tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let cluster = Self { folder, programs };
        cluster.run("initdb", &["-A", "trust", "-U", USER, "-E", "UTF8", "--no-sync"]);
        let socket = cluster.socket().display();
        let own = format!("unix_socket_directories = '{socket}'\nmax_connections = 400\n");
        let file = cluster.socket().join("data/postgresql.conf");
        let before = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, before + &own + settings).unwrap();
        prepare(&cluster);
        cluster.resume();
        cluster
    }

    /// A file in its folder that nobody else reads.
    pub(crate) fn own_file(&self, name: &str, text: &str) {
        let path = self.socket().join("data").join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        self.give(&path);
    }

    /// A path becomes its user's, where this process is not that user.
    #[allow(clippy::unused_self, reason = "only who has a cluster has its user")]
    pub(crate) fn give(&self, path: &Path) {
        if rustix::process::getuid().is_root() {
            let (uid, gid) = ids_of("postgres");
            std::os::unix::fs::chown(path, Some(uid), Some(gid)).unwrap();
        }
    }

    /// This user has to prove its password from here on.
    pub(crate) fn ask_password_of(&self, user: &str) {
        let file = self.socket().join("data/pg_hba.conf");
        let before = std::fs::read_to_string(&file).unwrap();
        let line = format!("local all {user} scram-sha-256\n");
        std::fs::write(&file, line + &before).unwrap();
        self.run("pg_ctl", &["reload"]);
    }

    /// Starts it, or starts it again after [`Self::pause`].
    pub(crate) fn resume(&self) {
        let log = self.socket().join("log");
        self.run("pg_ctl", &["-w", "-l", log.to_str().unwrap(), "start"]);
    }

    /// Ends it as a power cut does; what it holds stays.
    pub(crate) fn pause(&self) {
        self.run("pg_ctl", &["-m", "immediate", "stop"]);
    }

    pub(crate) fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// The address of a new database.
    pub(crate) fn database(&self, name: &str) -> String {
        create(self.socket(), name, "template1");
        url(self.socket(), name)
    }

    /// The address of a database that is there.
    pub(crate) fn url(&self, name: &str) -> String {
        url(self.socket(), name)
    }

    /// A new database of one that listens on a port: what stands before and behind the host.
    pub(crate) fn database_at(port: u16, name: &str) -> impl Fn(&str) -> String + use<> {
        let at = format!("127.0.0.1 -p {port}");
        create_at(at.split(' '), name, "template1");
        let name = name.to_owned();
        move |host| format!("postgres://{USER}@{host}:{port}/{name}")
    }

    /// Runs a statement in a database.
    pub(crate) fn sql(&self, name: &str, sql: &str) {
        let mut command = Command::new(self.programs.join("psql"));
        command.arg(self.url(name)).args(["-q", "-v", "ON_ERROR_STOP=1", "-c", sql]);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{sql}: {said}");
    }

    /// The one that a schema is made in once: databases of tests are copies of it.
    pub(crate) fn template(&self) -> String {
        self.database(TEMPLATE)
    }

    /// One of PostgreSQL's own programs over its folder, while it does not run.
    pub(crate) fn by(&self, program: &str, arguments: &[&str]) {
        self.run(program, arguments);
    }

    /// Whether it goes on: one that can not write its log ends itself.
    pub(crate) fn runs(&self) -> bool {
        self.ended(&mut self.command("pg_ctl", &["status"])).0
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let (is_done, said) = self.ended(&mut self.command(program, arguments));
        assert!(is_done, "{program}: {said}");
    }

    /// PostgreSQL refuses to run as root.
    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.arg("-D").arg(self.socket().join("data")).args(arguments);
        command.current_dir(self.socket());
        if rustix::process::getuid().is_root() {
            let (uid, gid) = ids_of("postgres");
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Whether it ended well, and what it said.
    fn ended(&self, command: &mut Command) -> (bool, String) {
        // Not a pipe: the server that pg_ctl starts would keep it open.
        let output = std::fs::File::create(self.socket().join("said")).unwrap();
        command.stdout(output.try_clone().unwrap()).stderr(output);
        let ended = command.status().unwrap();
        (ended.success(), std::fs::read_to_string(self.socket().join("said")).unwrap())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.runs() {
            self.pause();
        }
    }
}

/// For the tests of a process that is played on PostgreSQL: the database of a data folder, made
/// where it is not there.
pub(crate) fn url_of(dir: &Path) -> Option<String> {
    let socket = PathBuf::from(std::env::var_os(SOCKET)?);
    let whole = std::path::absolute(dir).unwrap();
    let name = format!("t{}", &trust::sha256_hex(whole.to_str().unwrap())[..20]);
    create(&socket, &name, TEMPLATE);
    Some(url(&socket, &name))
}

/// Statements of somebody who can write the database of a data folder.
pub(crate) fn run_sql(dir: &Path, schema: &str, sql: &str) {
    let mut command = Command::new(programs().join("psql"));
    command.arg(url_of(dir).unwrap()).args(["-q", "-v", "ON_ERROR_STOP=1", "-c", sql]);
    let output = command.env("PGOPTIONS", format!("-c search_path={schema}")).output().unwrap();
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
}

fn url(socket: &Path, name: &str) -> String {
    format!("postgres:///{name}?host={}&user={USER}", socket.display())
}

/// A database that is there already stays.
fn create(socket: &Path, name: &str, template: &str) {
    create_at([socket], name, template);
}

fn create_at<T: AsRef<std::ffi::OsStr>>(
    at: impl IntoIterator<Item = T>,
    name: &str,
    template: &str,
) {
    let mut command = Command::new(programs().join("createdb"));
    command.arg("-h").args(at).args(["-U", USER, "-T", template, name]);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() || said.contains("already exists"), "createdb: {said}");
}

/// Debian's folder of PostgreSQL's programs.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.map(|version| version.path().join("bin")).max();
    newest.expect("PostgreSQL is not installed: `scripts/setup` installs it")
}

fn ids_of(user: &str) -> (u32, u32) {
    let all = std::fs::read_to_string("/etc/passwd").unwrap();
    let line = all.lines().find(|line| line.split(':').next() == Some(user));
    let fields: Vec<&str> = line.expect("PostgreSQL's package makes its user").split(':').collect();
    (fields[2].parse().unwrap(), fields[3].parse().unwrap())
}
