//! A file of real blocks that is given back to the disk when a finding finds no room. Holds
//! nothing.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub(super) struct Reserve {
    path: PathBuf,
    bytes: u64,
    held: bool,
}

impl Reserve {
    pub(super) fn new(path: PathBuf, bytes: u64) -> Self {
        let held = bytes > 0 && fs::metadata(&path).is_ok_and(|meta| meta.len() >= bytes);
        Self { path, bytes, held }
    }

    /// True where the blocks are there, or none were asked for.
    pub(super) fn is_whole(&self) -> bool {
        self.held || self.bytes == 0
    }

    /// Takes the blocks if the disk has them. Fails without a trace if not.
    pub(super) fn restore(&mut self) -> io::Result<()> {
        if self.is_whole() {
            return Ok(());
        }
        let result = write_blocks(&self.path, self.bytes);
        if result.is_ok() {
            self.held = true;
        } else {
            let _ = fs::remove_file(&self.path);
        }
        result
    }

    /// Gives the blocks back. True where there were any.
    pub(super) fn release(&mut self) -> bool {
        let had = std::mem::take(&mut self.held);
        let removed = fs::remove_file(&self.path).is_ok();
        if let Some(dir) = self.path.parent() {
            let _ = File::open(dir).and_then(|d| d.sync_all());
        }
        had && removed
    }
}

/// Random-looking bytes, so that a file system that compresses or leaves holes still has to give
/// blocks.
fn write_blocks(path: &Path, bytes: u64) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    let mut block = vec![0_u8; 64 * 1024];
    getrandom::fill(&mut block).map_err(|error| io::Error::other(error.to_string()))?;
    let mut left = bytes;
    while left > 0 {
        let now = left.min(block.len() as u64) as usize;
        file.write_all(&block[..now])?;
        left -= now as u64;
    }
    file.sync_all()
}
