//! Unix sockets in folders whose names are long: the kernel takes 107 bytes of a socket's path, and
//! a temporary folder alone may be longer. So the folder is opened, and the socket is named through
//! it. It makes no folder and removes no file.

use std::{
    fs::File,
    io,
    os::{
        fd::AsRawFd as _,
        unix::net::{UnixListener, UnixStream},
    },
    path::{Path, PathBuf},
};

/// Listens at a new socket `path` of any length.
///
/// # Errors
/// When the folder is not there or a file of that name is.
pub fn listen_at(path: &Path) -> io::Result<UnixListener> {
    let (_open, short) = through_its_folder(path)?;
    UnixListener::bind(short)
}

/// Connects to the socket at `path`, of any length.
///
/// # Errors
/// When nobody listens there.
pub fn connect_to(path: &Path) -> io::Result<UnixStream> {
    let (_open, short) = through_its_folder(path)?;
    UnixStream::connect(short)
}

/// The path by way of its opened folder, which has to stay open as long as the path is used.
fn through_its_folder(path: &Path) -> io::Result<(File, PathBuf)> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a socket needs a name"));
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let open = File::open(folder)?;
    let short = Path::new("/proc/self/fd").join(open.as_raw_fd().to_string()).join(name);
    Ok((open, short))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};

    use super::*;

    #[test]
    fn a_socket_in_a_long_folder_is_heard() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("a".repeat(120)).join("b".repeat(120));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("view.sock");
        assert!(UnixListener::bind(&path).is_err(), "the kernel takes such a path by itself");
        let listener = listen_at(&path).unwrap();
        let mut asks = connect_to(&path).unwrap();
        asks.write_all(b"look").unwrap();
        let mut heard = [0; 4];
        listener.accept().unwrap().0.read_exact(&mut heard).unwrap();
        assert_eq!(&heard, b"look");
        assert!(path.exists());
    }

    #[test]
    fn a_folder_that_is_missing_is_an_error() {
        let base = tempfile::tempdir().unwrap();
        assert!(listen_at(&base.path().join("none/view.sock")).is_err());
        assert!(listen_at(Path::new("/")).is_err());
    }
}
