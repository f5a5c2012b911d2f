//! A disk in memory whose power can be cut: an SQLite VFS that knows what was synced and what was
//! not.
//!
//! On a cut every write since the last sync of its file survives or not, each by itself, and the
//! last one may be torn at a sector. That is more than a real disk does, so what survives here
//! survives there. One disk per test program.

use std::collections::HashMap;
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::ffi;

pub(crate) const NAME: &str = "powercut";
const SECTOR: usize = 512;

/// What one file holds.
#[derive(Debug, Default, Clone)]
struct MemFile {
    /// As of the last sync.
    durable: Vec<u8>,
    /// As the running program sees it.
    view: Vec<u8>,
    pending: Vec<Op>,
}

#[derive(Debug, Clone)]
enum Op {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

#[derive(Debug, Default)]
struct Disk {
    files: HashMap<String, MemFile>,
    /// Deleted since the last cut; a deletion may not have reached the disk.
    deleted: HashMap<String, MemFile>,
    /// Operations until the power goes; `None`: it stays.
    left: Option<u64>,
    dead: bool,
}

static DISK: Mutex<Option<Disk>> = Mutex::new(None);

fn disk() -> MutexGuard<'static, Option<Disk>> {
    DISK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn with<T>(work: impl FnOnce(&mut Disk) -> T) -> T {
    work(disk().get_or_insert_with(Disk::default))
}

/// The power goes at the `operations`-th write, truncation or sync from now; 0: never.
pub(crate) fn arm(operations: u64) {
    with(|disk| {
        disk.left = (operations > 0).then_some(operations);
        disk.dead = false;
    });
}

pub(crate) fn is_dead() -> bool {
    with(|disk| disk.dead)
}

/// What is found when the power is back. `roll` gives random numbers.
pub(crate) fn power_returns(mut roll: impl FnMut() -> u64) {
    with(|disk| {
        let ghosts: Vec<_> = disk.deleted.drain().collect();
        for (name, file) in ghosts {
            if roll().is_multiple_of(2) {
                disk.files.entry(name).or_insert(file);
            }
        }
        let mut names: Vec<String> = disk.files.keys().cloned().collect();
        names.sort();
        for name in names {
            if let Some(file) = disk.files.get_mut(&name) {
                survive(file, &mut roll);
            }
        }
        disk.dead = false;
        disk.left = None;
    });
}

fn survive(file: &mut MemFile, roll: &mut impl FnMut() -> u64) {
    let mut found = std::mem::take(&mut file.durable);
    let last = file.pending.len().saturating_sub(1);
    for (n, op) in std::mem::take(&mut file.pending).into_iter().enumerate() {
        if roll().is_multiple_of(2) {
            continue;
        }
        match op {
            Op::Truncate(len) => found.resize(len, 0),
            Op::Write(at, mut bytes) => {
                if n == last && roll().is_multiple_of(2) {
                    let sectors = bytes.len() / SECTOR;
                    bytes.truncate(SECTOR * (roll() as usize % (sectors + 1)));
                }
                put(&mut found, at, &bytes);
            }
        }
    }
    file.view.clone_from(&found);
    file.durable = found;
}

fn put(content: &mut Vec<u8>, at: usize, bytes: &[u8]) {
    if content.len() < at + bytes.len() {
        content.resize(at + bytes.len(), 0);
    }
    content[at..at + bytes.len()].copy_from_slice(bytes);
}

impl Disk {
    /// Counts one operation; true if the power is gone.
    fn tick(&mut self) -> bool {
        if let Some(left) = &mut self.left {
            *left -= 1;
            if *left == 0 {
                self.dead = true;
                self.left = None;
            }
        }
        self.dead
    }
}

/// SQLite's file object: its own part first, then ours.
#[repr(C)]
struct Handle {
    base: ffi::sqlite3_file,
    name: *mut String,
}

/// Registers the VFS under [`NAME`]; once per process.
pub(crate) fn register() {
    // SAFETY: the default VFS lives as long as the process; so does the leaked copy that is
    // registered here, and its name is a static C string. The functions put in have the signatures
    // SQLite asks for.
    unsafe {
        let default = ffi::sqlite3_vfs_find(ptr::null());
        assert!(!default.is_null());
        let mut vfs = *default;
        vfs.iVersion = 1;
        vfs.szOsFile = size_of::<Handle>() as c_int;
        vfs.pNext = ptr::null_mut();
        vfs.zName = c"powercut".as_ptr();
        vfs.xOpen = Some(open);
        vfs.xDelete = Some(delete);
        vfs.xAccess = Some(access);
        vfs.xFullPathname = Some(full_pathname);
        assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 0), ffi::SQLITE_OK);
    }
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    // Version 1: no shared memory. The outbox takes the database exclusively, so its log needs
    // none.
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(lock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// # Safety
/// `text` is null or a C string that SQLite owns.
unsafe fn name_of(text: *const c_char) -> Option<String> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not null, and terminated, by the contract above.
    Some(unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
}

/// # Safety
/// `file` was opened by [`open`] and not yet closed.
unsafe fn on<T>(file: *mut ffi::sqlite3_file, work: impl FnOnce(&mut Disk, &str) -> T) -> T {
    // SAFETY: by the contract it is our handle, whose name stays allocated until `close`.
    let name = unsafe { &*(*file.cast::<Handle>()).name };
    with(|disk| work(disk, name))
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    // SAFETY: SQLite gives `szOsFile` bytes at `file`, a C string or null as name, and a place or
    // null for the flags.
    unsafe {
        let name = name_of(name).unwrap_or_else(|| format!("temporary-{file:p}"));
        with(|disk| {
            disk.files.entry(name.clone()).or_default();
        });
        let handle = file.cast::<Handle>();
        (*handle).base.pMethods = &raw const METHODS;
        (*handle).name = Box::into_raw(Box::new(name));
        if !out_flags.is_null() {
            *out_flags = flags;
        }
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes a file once; the name was boxed in `open`.
    unsafe { drop(Box::from_raw((*file.cast::<Handle>()).name)) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, _sync: c_int) -> c_int {
    // SAFETY: a C string of SQLite's.
    let Some(name) = (unsafe { name_of(name) }) else { return ffi::SQLITE_OK };
    with(|disk| {
        if disk.tick() {
            return ffi::SQLITE_IOERR_DELETE;
        }
        if let Some(file) = disk.files.remove(&name) {
            disk.deleted.insert(name, file);
        }
        ffi::SQLITE_OK
    })
}

unsafe extern "C" fn access(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    _: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: a C string, and a place for the answer.
    unsafe {
        let exists = name_of(name).is_some_and(|name| with(|disk| disk.files.contains_key(&name)));
        *out = c_int::from(exists);
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    // SAFETY: a C string, and `room` bytes to copy it to.
    unsafe {
        let bytes = CStr::from_ptr(name).to_bytes_with_nul();
        if bytes.len() > room as usize {
            return ffi::SQLITE_CANTOPEN;
        }
        ptr::copy_nonoverlapping(bytes.as_ptr().cast(), out, bytes.len());
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn read(
    file: *mut ffi::sqlite3_file,
    to: *mut c_void,
    len: c_int,
    at: i64,
) -> c_int {
    // SAFETY: `to` has room for `len` bytes.
    let to = unsafe { std::slice::from_raw_parts_mut(to.cast::<u8>(), len as usize) };
    // SAFETY: an open file of ours.
    unsafe {
        on(file, |disk, name| {
            let content = disk.files.get(name).map_or(&[][..], |file| &file.view);
            let there = content.get(at as usize..).unwrap_or(&[]);
            let n = there.len().min(to.len());
            to[..n].copy_from_slice(&there[..n]);
            to[n..].fill(0);
            if n == to.len() { ffi::SQLITE_OK } else { ffi::SQLITE_IOERR_SHORT_READ }
        })
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    from: *const c_void,
    len: c_int,
    at: i64,
) -> c_int {
    // SAFETY: `from` holds `len` bytes.
    let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), len as usize) }.to_vec();
    // SAFETY: an open file of ours.
    unsafe {
        on(file, |disk, name| {
            let was_dead = disk.dead;
            let dead = disk.tick();
            // The write at which the power goes may still reach the disk, in part.
            if let (false, Some(file)) = (was_dead, disk.files.get_mut(name)) {
                put(&mut file.view, at as usize, &bytes);
                file.pending.push(Op::Write(at as usize, bytes));
            }
            if dead { ffi::SQLITE_IOERR_WRITE } else { ffi::SQLITE_OK }
        })
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, len: i64) -> c_int {
    // SAFETY: an open file of ours.
    unsafe {
        on(file, |disk, name| {
            if disk.tick() {
                return ffi::SQLITE_IOERR_TRUNCATE;
            }
            if let Some(file) = disk.files.get_mut(name) {
                file.view.resize(len as usize, 0);
                file.pending.push(Op::Truncate(len as usize));
            }
            ffi::SQLITE_OK
        })
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    // SAFETY: an open file of ours.
    unsafe {
        on(file, |disk, name| {
            if disk.tick() {
                return ffi::SQLITE_IOERR_FSYNC;
            }
            if let Some(file) = disk.files.get_mut(name) {
                file.pending.clear();
                file.durable.clone_from(&file.view);
            }
            ffi::SQLITE_OK
        })
    }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, out: *mut i64) -> c_int {
    // SAFETY: an open file of ours, and a place for the answer.
    unsafe {
        *out = on(file, |disk, name| disk.files.get(name).map_or(0, |file| file.view.len() as i64));
    };
    ffi::SQLITE_OK
}

unsafe extern "C" fn lock(_: *mut ffi::sqlite3_file, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(_: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    // SAFETY: a place for the answer.
    unsafe { *out = 0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut ffi::sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut ffi::sqlite3_file) -> c_int {
    SECTOR as c_int
}

unsafe extern "C" fn device_characteristics(_: *mut ffi::sqlite3_file) -> c_int {
    0
}
