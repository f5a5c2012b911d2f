//! Execution providers by short name: which of them this ONNX Runtime has, and how a session gets
//! one. Like `runtime`, the only other file that names the inference library. It never fails for a
//! provider that is absent: it says so.

use ort::{
    ep::{self, ExecutionProvider},
    session::builder::SessionBuilder,
};

use crate::error::RuntimeError;

/// A provider that this program can name.
struct KnownProvider {
    name: &'static str,
    is_there: fn() -> ort::Result<bool>,
    build: fn() -> ep::ExecutionProviderDispatch,
}

const KNOWN: [KnownProvider; 4] = [
    KnownProvider {
        name: "xnnpack",
        is_there: ep::XNNPACK::is_available,
        build: || ep::XNNPACK::default().build(),
    },
    KnownProvider {
        name: "cuda",
        is_there: ep::CUDA::is_available,
        build: || ep::CUDA::default().build(),
    },
    KnownProvider {
        name: "tensorrt",
        is_there: ep::TensorRT::is_available,
        build: || ep::TensorRT::default().build(),
    },
    KnownProvider {
        name: "openvino",
        is_there: ep::OpenVINO::is_available,
        build: || ep::OpenVINO::default().build(),
    },
];

/// The CPU, and what else the loaded library has.
pub(crate) fn present() -> Vec<&'static str> {
    let others =
        KNOWN.iter().filter(|known| (known.is_there)().unwrap_or(false)).map(|known| known.name);
    std::iter::once("cpu").chain(others).collect()
}

/// The provider called `name` (`None`: the CPU), or the line that says why it is the CPU.
pub(crate) fn choose(name: &str, present: &[&'static str]) -> Result<Option<&'static str>, String> {
    let wanted = name.to_ascii_lowercase();
    match present.iter().find(|present| **present == wanted) {
        Some(&"cpu") => Ok(None),
        Some(found) => Ok(Some(found)),
        None => {
            let known: Vec<_> = KNOWN.iter().map(|known| known.name).collect();
            Err(if known.contains(&wanted.as_str()) {
                let has = present.join(", ");
                format!(
                    "models.provider = \"{name}\" is not in this ONNX Runtime (it has: {has}): \
                    the CPU is used"
                )
            } else {
                let known = known.join(", ");
                format!("models.provider = \"{name}\" is not known (cpu, {known}): the CPU is used")
            })
        }
    }
}

/// Puts the provider before the CPU; one that the library has and that does not start is an error.
pub(crate) fn register(
    builder: SessionBuilder,
    name: &str,
) -> Result<SessionBuilder, RuntimeError> {
    let Some(known) = KNOWN.iter().find(|known| known.name == name) else { return Ok(builder) };
    Ok(builder.with_execution_providers([(known.build)().error_on_failure()])?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_provider_is_one_line_and_the_cpu() {
        assert_eq!(choose("cpu", &["cpu"]), Ok(None));
        assert_eq!(choose("XNNPACK", &["cpu", "xnnpack"]), Ok(Some("xnnpack")));
        let absent = choose("cuda", &["cpu"]).unwrap_err();
        assert_eq!(
            absent,
            "models.provider = \"cuda\" is not in this ONNX Runtime (it has: cpu): the CPU is used"
        );
        assert!(choose("npu9000", &["cpu"]).unwrap_err().contains("is not known"));
    }
}
