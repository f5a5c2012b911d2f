//! What may lie beside a lead as a file: a PDF without active parts, or a picture, which is kept as
//! it was decoded and not as it was sent. Pure but for the decoder. It never trusts a file's name.

use serde::{Deserialize, Serialize};

use crate::photo;

/// Bytes of one file, at most.
pub const MOST_BYTES: usize = 10 << 20;
/// Files of one lead, at most.
pub const MOST_FILES: i64 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Pdf,
    Jpeg,
}

impl Kind {
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Jpeg => "image/jpeg",
        }
    }

    pub fn ending(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Jpeg => "jpg",
        }
    }
}

/// A file that is taken.
#[derive(Debug)]
pub struct Accepted {
    pub kind: Kind,
    pub bytes: Vec<u8>,
}

/// Why a file is not taken, in both languages.
#[derive(Debug, PartialEq, Eq)]
pub struct Fault {
    pub zh: String,
    pub en: String,
}

impl Fault {
    fn new(zh: &str, en: &str) -> Self {
        Self { zh: zh.to_owned(), en: en.to_owned() }
    }
}

/// Names of a PDF's parts that do something when it is opened, or carry another file.
const ACTIVE: [&[u8]; 7] =
    [b"/JavaScript", b"/JS", b"/Launch", b"/EmbeddedFile", b"/OpenAction", b"/RichMedia", b"/XFA"];

/// The file as it is kept.
pub fn accept(bytes: Vec<u8>) -> Result<Accepted, Fault> {
    if bytes.is_empty() {
        return Err(Fault::new("请选择一个文件", "file: choose a file"));
    }
    if bytes.len() > MOST_BYTES {
        return Err(Fault::new("文件不得超过 10 MiB", "file: at most 10 MiB are taken"));
    }
    if bytes.starts_with(b"%PDF-") {
        return pdf(bytes);
    }
    if !(bytes.starts_with(b"\x89PNG") || bytes.starts_with(b"\xff\xd8\xff")) {
        return Err(Fault::new(
            "只能添加 PDF、JPEG 或 PNG 文件",
            "file: a PDF, JPEG or PNG is taken, and this is none",
        ));
    }
    let shown = photo::shown(&bytes).map_err(|fault| Fault { zh: fault.zh(), en: fault.en() })?;
    Ok(Accepted { kind: Kind::Jpeg, bytes: shown })
}

fn pdf(bytes: Vec<u8>) -> Result<Accepted, Fault> {
    let tail = &bytes[bytes.len().saturating_sub(1024)..];
    if !holds(tail, b"%%EOF") {
        return Err(Fault::new("PDF 文件不完整", "file: this PDF has no end"));
    }
    if ACTIVE.iter().any(|name| names(&bytes, name)) {
        return Err(Fault::new(
            "PDF 含有脚本、自动动作或内嵌文件，请打印为 PDF 后再添加",
            "file: this PDF holds scripts, actions or other files: print it to a PDF anew",
        ));
    }
    Ok(Accepted { kind: Kind::Pdf, bytes })
}

fn holds(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// Whether a PDF's name stands there: ended by what can not be part of a name, and with its letters
/// written as `#` and two digits or not.
fn names(bytes: &[u8], name: &[u8]) -> bool {
    let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/');
    starts.into_iter().any(|(at, _)| {
        let mut rest = &bytes[at..];
        let same = name.iter().all(|wanted| match letter(rest) {
            Some((found, length)) if found == *wanted => {
                rest = &rest[length..];
                true
            }
            _ => false,
        });
        same && rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric())
    })
}

/// The next letter of a name, and how many bytes it takes.
fn letter(bytes: &[u8]) -> Option<(u8, usize)> {
    let first = *bytes.first()?;
    let code = bytes.get(1..3).and_then(|two| std::str::from_utf8(two).ok());
    match (first, code.and_then(|two| u8::from_str_radix(two, 16).ok())) {
        (b'#', Some(byte)) => Some((byte, 3)),
        _ => Some((first, 1)),
    }
}

/// A file's name as it is shown: its last part, one line, short.
pub fn shown_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain: String = last.chars().filter(|c| !c.is_control()).collect();
    let name = crate::clock::clip(plain.trim(), 100);
    if name.is_empty() { "file".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pdf_with(part: &str) -> Vec<u8> {
        format!("%PDF-1.7\n1 0 obj <</Type/Catalog {part}>> endobj\ntrailer\n%%EOF\n").into_bytes()
    }

    #[test]
    fn a_pdf_with_active_parts_is_refused() {
        assert_eq!(accept(pdf_with("/Lang(zh)")).unwrap().kind, Kind::Pdf);
        for part in [
            "/OpenAction 2 0 R",
            "/JS(app.alert(1))",
            "/J#53(app.alert(1))",
            "/#4aavaScript 3 0 R",
            "/AA<</O<</S/Launch>>>>",
            "/Names<</EmbeddedFiles 1 0 R>>/Type/EmbeddedFile",
        ] {
            assert!(accept(pdf_with(part)).is_err(), "{part}");
        }
        // A longer name is another name.
        assert!(accept(pdf_with("/JSNothing 1")).is_ok());
        assert!(accept(b"%PDF-1.7 cut".to_vec()).is_err());
    }

    #[test]
    fn what_is_no_pdf_or_picture_is_refused() {
        let long = [b"%PDF-".as_slice(), &vec![0; MOST_BYTES]].concat();
        for bytes in [
            Vec::new(),
            b"<html><script>".to_vec(),
            b"MZ\x90".to_vec(),
            b"GIF89a".to_vec(),
            b"\x89PNG broken".to_vec(),
            b"\xff\xd8\xff broken".to_vec(),
            long,
        ] {
            assert!(accept(bytes).is_err());
        }
    }

    #[test]
    fn a_name_is_no_path_and_one_line() {
        assert_eq!(shown_name("C:\\x\\照片.jpg"), "照片.jpg");
        assert_eq!(shown_name("../../etc/passwd"), "passwd");
        assert_eq!(shown_name("a\r\nb"), "ab");
        assert_eq!(shown_name("/"), "file");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        ) {
            let pdf = [b"%PDF-1.4 ".as_slice(), &bytes, b" %%EOF"].concat();
            let _ = accept(pdf);
            let _ = accept(bytes);
        }
    }
}
