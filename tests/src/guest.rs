//! A flashed card in an emulated arm64 machine with UEFI (qemu-system-aarch64, no acceleration).
//! Its power can be cut. It never looks into the running machine: what it knows it reads off the
//! serial line and off the card.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

const FIRMWARE: &str = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd";
/// Where the boot partition begins (hardware/image/genimage.cfg).
const BOOT_OFFSET_BYTES: u64 = 1 << 20;

/// A copy of an image, as a card of its own.
#[derive(Debug)]
pub struct Card {
    pub path: PathBuf,
}

impl Card {
    /// `more_mib` larger than the image, as a card is.
    pub fn flash(image: &Path, path: PathBuf, more_mib: u64) -> Result<Self> {
        run(Command::new("cp").args(["--sparse=always", "--reflink=auto"]).arg(image).arg(&path))?;
        let size = std::fs::metadata(&path)?.len() + (more_mib << 20);
        File::options().write(true).open(&path)?.set_len(size)?;
        Ok(Self { path })
    }

    fn boot_partition(&self) -> String {
        format!("{}@@{BOOT_OFFSET_BYTES}", self.path.display())
    }

    /// Saves a file on the boot partition, as any computer can.
    pub fn put(&self, name: &str, text: &str) -> Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), text)?;
        run(Command::new("mcopy")
            .args(["-o", "-i", &self.boot_partition()])
            .arg(file.path())
            .arg(format!("::{name}")))?;
        Ok(())
    }

    /// A file of the boot partition; `None` where it is not there. The machine should be off, or
    /// the file at rest.
    pub fn get(&self, name: &str) -> Option<String> {
        let output = Command::new("mtype")
            .args(["-i", &self.boot_partition(), &format!("::{name}")])
            .output()
            .ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Bytes before the n-th partition (MBR), in bytes.
    fn partition_bytes(&self, number: usize) -> Result<u64> {
        use std::os::unix::fs::FileExt as _;
        let mut entry = [0; 16];
        File::open(&self.path)?.read_exact_at(&mut entry, 446 + 16 * (number as u64 - 1))?;
        let start: [u8; 4] = entry[8..12].try_into()?;
        Ok(u64::from(u32::from_le_bytes(start)) * 512)
    }

    /// How often each of these byte strings stands anywhere on the card: partitions, journals, what
    /// was deleted and not overwritten.
    pub fn holds(&self, needles: &[Vec<u8>]) -> Result<Vec<usize>> {
        use std::io::Read as _;
        const CHUNK: usize = 16 << 20;
        let overlap = needles.iter().map(Vec::len).max().unwrap_or(1) - 1;
        let finders: Vec<_> = needles.iter().map(memchr::memmem::Finder::new).collect();
        let (mut file, mut window, mut counts) =
            (File::open(&self.path)?, Vec::new(), vec![0; needles.len()]);
        loop {
            let kept = window.len();
            let read = file.by_ref().take(CHUNK as u64).read_to_end(&mut window)?;
            for (finder, count) in finders.iter().zip(&mut counts) {
                // What ends within the part that was kept was counted before.
                *count += finder
                    .find_iter(&window)
                    .filter(|at| at + finder.needle().len() > kept)
                    .count();
            }
            if read == 0 {
                return Ok(counts);
            }
            window.drain(..window.len().saturating_sub(overlap));
        }
    }

    /// One command of debugfs(8) on an ext4 partition of the card that is out of the machine.
    pub fn debugfs(&self, partition: usize, command: &str) -> Result<String> {
        let at = format!("{}?offset={}", self.path.display(), self.partition_bytes(partition)?);
        run(Command::new("debugfs").args(["-R", command, &at]))
    }
}

/// A machine that is on.
#[derive(Debug)]
pub struct Guest {
    child: Child,
    serial: PathBuf,
    pub started: Instant,
}

impl Guest {
    /// Switches it on; `stick` is a second disk. The serial line goes to `serial`.
    pub fn start(card: &Card, serial: PathBuf, stick: Option<&Path>) -> Result<Self> {
        let disk = |path: &Path, id: &str| {
            format!("if=none,format=raw,cache=writeback,id={id},file={}", path.display())
        };
        let mut command = Command::new("qemu-system-aarch64");
        command
            .args([
                "-M",
                "virt,gic-version=3",
                "-cpu",
                "cortex-a72",
                "-smp",
                "2",
                "-m",
                "1536",
                "-bios",
                FIRMWARE,
            ])
            .args([
                "-drive",
                &disk(&card.path, "card"),
                "-device",
                "virtio-blk-pci,drive=card,bootindex=1",
            ])
            .args(["-nic", "user,model=virtio-net-pci,restrict=off"])
            .args([
                "-serial",
                &format!("file:{}", serial.display()),
                "-monitor",
                "none",
                "-display",
                "none",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(serial.with_extension("qemu"))?);
        if let Some(stick) = stick {
            command.args([
                "-drive",
                &disk(stick, "stick"),
                "-device",
                "virtio-blk-pci,drive=stick",
            ]);
        }
        let child = command.spawn().context("qemu-system-aarch64")?;
        Ok(Self { child, serial, started: Instant::now() })
    }

    /// What its serial line said so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.serial).unwrap_or_default()).into_owned()
    }

    /// Waits until something holds; fails with the end of the serial line.
    pub fn until(
        &mut self,
        what: &str,
        limit: Duration,
        mut holds: impl FnMut(&str) -> bool,
    ) -> Result<Duration> {
        let began = Instant::now();
        loop {
            if holds(&self.said()) {
                return Ok(began.elapsed());
            }
            if began.elapsed() > limit || self.child.try_wait()?.is_some() {
                let said = self.said();
                let tail: Vec<&str> = said.lines().rev().take(25).collect();
                let tail = tail.into_iter().rev().collect::<Vec<_>>().join("\n");
                bail!("{what}: not within {} s; the serial line ends:\n{tail}", limit.as_secs());
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Cuts the power: nothing is flushed that the machine had not yet written.
    pub fn cut(&mut self) {
        // It may have ended by itself; there is nobody to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.cut();
    }
}

/// Runs a program to its end; gives its standard output.
pub fn run(command: &mut Command) -> Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| {
        format!("{name} (which Debian package has it stands in scripts/image-test)")
    })?;
    if !output.status.success() {
        bail!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
