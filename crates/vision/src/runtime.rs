//! The only file that names the inference library. It loads ONNX Runtime, opens networks, and
//! refuses one whose shape is not what its role needs. It never panics for a missing or old library
//! and never sends telemetry.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use ort::{environment::Environment, session::Session, value::TensorRef};

use crate::error::{RuntimeError, VisionError};
use crate::{provider, rewrite, spec::NetworkInput, telemetry};

/// Names the shared library of ONNX Runtime.
const LIBRARY_VARIABLE: &str = "ORT_DYLIB_PATH";
/// The oldest ONNX Runtime whose interface holds every call made here.
const OLDEST: &str = "1.22";

impl<R> From<ort::Error<R>> for RuntimeError {
    fn from(error: ort::Error<R>) -> Self {
        Self::Failed(one_line(error.message()))
    }
}

/// The loaded ONNX Runtime. One per process; cloning is cheap.
#[derive(Debug, Clone)]
pub struct Runtime {
    environment: Environment,
    threads: usize,
    /// An execution provider beside the CPU; `None`: the CPU alone.
    provider: Option<&'static str>,
}

// ONNX Runtime allows one environment per process, and `ort` none after the first was dropped: so
// it is kept.
static ENVIRONMENT: Mutex<Option<Environment>> = Mutex::new(None);

/// Where a package puts the library: `../lib/PROGRAM/` seen from the program's folder.
fn installed_with(program: &Path) -> Option<PathBuf> {
    let (folder, name) = (program.parent()?, program.file_name()?);
    let path = folder.parent()?.join("lib").join(name).join("libonnxruntime.so");
    path.is_file().then_some(path)
}

impl Runtime {
    /// Loads the library that `ORT_DYLIB_PATH` names, or the one that was installed with the
    /// program. Calling it again returns the same one.
    pub fn init() -> Result<Self, RuntimeError> {
        match std::env::var_os(LIBRARY_VARIABLE) {
            Some(path) if !path.is_empty() => Self::init_from(Path::new(&path)),
            _ => {
                let program = std::env::current_exe().and_then(std::fs::canonicalize).ok();
                let installed = program.as_deref().and_then(installed_with);
                installed.map_or(Err(RuntimeError::NoLibraryNamed), |path| Self::init_from(&path))
            }
        }
    }

    /// Loads the library at `path`. Once one is loaded, later calls return it, whatever their path.
    pub fn init_from(path: &Path) -> Result<Self, RuntimeError> {
        let mut kept = ENVIRONMENT.lock().unwrap_or_else(PoisonError::into_inner);
        let environment = if let Some(environment) = kept.as_ref() {
            environment.clone()
        } else {
            let environment = load(path)?;
            *kept = Some(environment.clone());
            environment
        };
        Ok(Self { environment, threads: 1, provider: None })
    }

    /// The same runtime, with `threads` threads inside each network opened from here on (1 by
    /// default).
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// The same runtime with networks opened on an execution provider, by its short name ("cpu",
    /// "xnnpack", "cuda", …). One that this library lacks gives a line that says so, and the CPU: a
    /// box must see on any board.
    #[must_use]
    pub fn with_provider(mut self, name: &str) -> (Self, Option<String>) {
        match provider::choose(name, &self.providers()) {
            Ok(chosen) => {
                self.provider = chosen;
                (self, None)
            }
            Err(line) => (self, Some(line)),
        }
    }

    /// The execution providers that this library has and this program can name, the CPU first.
    pub fn providers(&self) -> Vec<&'static str> {
        provider::present()
    }

    /// What the library says of its own build, for reports.
    pub fn build_info() -> &'static str {
        ort::info()
    }

    /// Opens a network and checks its input and outputs against `expect`, down to one trial run.
    pub(crate) fn open(&self, path: &Path, expect: &Expect<'_>) -> Result<Net, VisionError> {
        self.open_fed(path, expect, &mut None)
    }

    /// [`Runtime::open`], where a scaling of the input may move out of the network into how it is
    /// fed: `input` is then changed accordingly.
    pub(crate) fn open_fed(
        &self,
        path: &Path,
        expect: &Expect<'_>,
        input: &mut Option<&mut NetworkInput>,
    ) -> Result<Net, VisionError> {
        let wrong = |why: String| VisionError::WrongModel {
            role: expect.role,
            path: path.to_path_buf(),
            why,
        };
        let opened = |error: ort::Error| wrong(one_line(error.message()));
        let bytes = std::fs::read(path).map_err(|why| wrong(why.to_string()))?;
        let mut net = Net {
            session: self.builder(expect)?.commit_from_memory(&bytes).map_err(opened)?,
            role: expect.role,
        };
        net.check(expect).map_err(wrong)?;
        let Some(faster) =
            self.block().and_then(|block| rewrite::rewrite(&bytes, block, input.is_some()))
        else {
            return Ok(net);
        };
        // The other form counts only once it has answered as the file does.
        let trial = rewrite::trial(expect.size);
        let answer = net.answers(expect, &trial)?;
        drop(net);
        let session = self.builder(expect)?.commit_from_memory(&faster.bytes);
        let mut net = Net { session: session.map_err(opened)?, role: expect.role };
        if rewrite::alike(&answer, &net.answers(expect, &faster.fed(&trial))?) {
            if let Some(input) = input {
                faster.feed(input);
            }
            return Ok(net);
        }
        drop(net);
        Ok(Net {
            session: self.builder(expect)?.commit_from_memory(&bytes).map_err(opened)?,
            role: expect.role,
        })
    }

    /// What the network in `bytes` answers to one trial picture.
    #[cfg(test)]
    pub(crate) fn answers_of(
        &self,
        bytes: &[u8],
        expect: &Expect<'_>,
        trial: &[f32],
    ) -> Result<Vec<f32>, VisionError> {
        let session =
            self.builder(expect)?.commit_from_memory(bytes).map_err(RuntimeError::from)?;
        Net { session, role: "trial" }.answers(expect, trial)
    }

    /// How many channels the CPU's kernels take together; `None` where their other form is of no
    /// use.
    fn block(&self) -> Option<usize> {
        if self.provider.is_some() {
            return None;
        }
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx512f") {
            return Some(16);
        } else if std::arch::is_x86_feature_detected!("avx2") {
            return Some(8);
        }
        None
    }

    fn builder(
        &self,
        expect: &Expect<'_>,
    ) -> Result<ort::session::builder::SessionBuilder, RuntimeError> {
        let builder = Session::builder(&self.environment)?
            .with_intra_threads(self.threads)?
            .with_inter_threads(1)?
            // A waiting box must sleep, not spin.
            .with_intra_op_spinning(false)?
            // A plan of where each result lies holds the memory of a whole run for good. It makes a
            // run up to 3 % quicker; a network that runs seldom gives its 20 MiB back instead.
            .with_memory_pattern(!expect.seldom)?
            // Numbers too small to matter take a hundred times as long.
            .with_flush_to_zero()?;
        match self.provider {
            Some(name) => Ok(provider::register(builder, name)?),
            None => Ok(builder),
        }
    }
}

fn load(path: &Path) -> Result<Environment, RuntimeError> {
    // What its interface can be told later comes after the first report.
    if !telemetry::is_off() {
        return Err(RuntimeError::WouldReport);
    }
    // `ort` looks for a relative path beside the executable first; only the path as written is
    // meant.
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    if !absolute.is_file() {
        return Err(RuntimeError::LibraryMissing { path: absolute });
    }
    let builder = ort::init_from(&absolute).map_err(|error| RuntimeError::LibraryUnusable {
        path: absolute.clone(),
        oldest: OLDEST,
        why: match error {
            ort::LoadDynamicError::BadVersion { version_str, .. } => {
                format!("it is version {version_str}, older than {OLDEST}")
            }
            other => one_line(&other.to_string()),
        },
    })?;
    Ok(builder.with_name("zaigang").with_telemetry(false).build()?)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What a role needs of its network.
#[derive(Debug)]
pub(crate) struct Expect<'a> {
    pub(crate) role: &'static str,
    /// Size of the trial input, width then height.
    pub(crate) size: (u32, u32),
    /// Whether it runs so seldom that its memory is worth more than its time.
    pub seldom: bool,
    /// Whether the network must take other sizes than the trial's.
    pub(crate) any_size: bool,
    /// Name (empty: the first output) and length of each output at the trial size.
    pub(crate) outputs: &'a [(&'a str, usize)],
}

/// One open network with one NCHW picture input.
pub(crate) struct Net {
    session: Session,
    role: &'static str,
}

impl std::fmt::Debug for Net {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Net({})", self.role)
    }
}

impl Net {
    /// Runs the network on one planar picture of `width`×`height` and hands its outputs to `read`.
    pub(crate) fn run<R>(
        &mut self,
        (width, height): (u32, u32),
        planes: &[f32],
        read: impl FnOnce(&Outputs<'_>) -> Result<R, VisionError>,
    ) -> Result<R, VisionError> {
        let shape = [1, 3, i64::from(height), i64::from(width)];
        let input = TensorRef::from_array_view((shape, planes)).map_err(RuntimeError::from)?;
        let outputs = self.session.run(ort::inputs![input]).map_err(RuntimeError::from)?;
        read(&Outputs { values: outputs, role: self.role })
    }

    /// Every output for one trial picture, end to end.
    fn answers(&mut self, expect: &Expect<'_>, trial: &[f32]) -> Result<Vec<f32>, VisionError> {
        self.run(expect.size, trial, |outputs| {
            let mut all = Vec::new();
            for (name, _) in expect.outputs {
                all.extend_from_slice(outputs.get(name)?);
            }
            Ok(all)
        })
    }

    fn check(&mut self, expect: &Expect<'_>) -> Result<(), String> {
        let (width, height) = expect.size;
        self.check_input(expect)?;
        let outputs = self.session.outputs().len();
        if outputs != expect.outputs.len() {
            return Err(format!(
                "it has {outputs} outputs where {} are needed",
                expect.outputs.len()
            ));
        }
        for (name, _) in expect.outputs {
            if !name.is_empty() && !self.session.outputs().iter().any(|o| o.name() == *name) {
                return Err(format!("it has no output \"{name}\""));
            }
        }
        let zeros = vec![0.0; 3 * width as usize * height as usize];
        let lengths = self
            .run(expect.size, &zeros, |outputs| {
                expect
                    .outputs
                    .iter()
                    .map(|(name, _)| Ok(outputs.get(name)?.len()))
                    .collect::<Result<Vec<_>, VisionError>>()
            })
            .map_err(|error| error.to_string())?;
        for ((name, wanted), got) in expect.outputs.iter().zip(lengths) {
            if *wanted != got {
                return Err(format!(
                    "output \"{name}\" holds {got} numbers where {wanted} are needed"
                ));
            }
        }
        Ok(())
    }

    fn check_input(&self, expect: &Expect<'_>) -> Result<(), String> {
        let (width, height) = expect.size;
        let [input] = self.session.inputs() else {
            return Err(format!("it has {} inputs where 1 is needed", self.session.inputs().len()));
        };
        let Some(shape) = input.dtype().tensor_shape() else {
            return Err("its input is not a tensor".to_owned());
        };
        let wanted = [1, 3, i64::from(height), i64::from(width)];
        let fits = shape.len() == 4
            && shape.iter().zip(wanted).all(|(have, want)| *have == want || *have < 0);
        if !fits {
            return Err(format!(
                "its input is {:?} where {wanted:?} is needed",
                shape.iter().collect::<Vec<_>>()
            ));
        }
        if expect.any_size && (shape[2] > 0 || shape[3] > 0) {
            return Err(format!(
                "it takes {}×{} only where any size is needed",
                shape[3], shape[2]
            ));
        }
        Ok(())
    }
}

/// The outputs of one run.
#[derive(Debug)]
pub(crate) struct Outputs<'a> {
    values: ort::session::SessionOutputs<'a>,
    role: &'static str,
}

impl Outputs<'_> {
    /// The numbers of the output called `name`; an empty name means the first.
    pub(crate) fn get(&self, name: &str) -> Result<&[f32], VisionError> {
        let value = if name.is_empty() {
            self.values.values().next().map(|_| &self.values[0])
        } else {
            self.values.get(name)
        };
        let value = value.ok_or_else(|| {
            RuntimeError::Failed(format!("the {} network has no output \"{name}\"", self.role))
        })?;
        let (_, numbers) = value.try_extract_tensor::<f32>().map_err(RuntimeError::from)?;
        Ok(numbers)
    }

    /// Fails where any of `numbers` is NaN or infinite.
    pub(crate) fn finite<'n>(&self, numbers: &'n [f32]) -> Result<&'n [f32], VisionError> {
        if numbers.iter().all(|n| n.is_finite()) {
            Ok(numbers)
        } else {
            Err(VisionError::NotFinite { role: self.role })
        }
    }
}
