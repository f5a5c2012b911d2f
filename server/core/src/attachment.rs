//! What may lie beside a lead as a file: a PDF without active parts, or a picture, which is kept as
//! it was decoded and not as it was sent; the hash of what was sent is told. Pure but for the
//! decoder. It never trusts a file's name.

use std::io::Read as _;

use serde::{Deserialize, Serialize};

use crate::photo;

/// Bytes of one file, at most.
pub const MOST_BYTES: usize = 10 << 20;
/// Files of one lead, at most.
pub const MOST_FILES: i64 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    Pdf,
    Jpeg,
}

impl AttachmentKind {
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
pub struct AcceptedAttachment {
    pub kind: AttachmentKind,
    pub bytes: Vec<u8>,
    /// Of the file as it was sent, which a picture is not kept as.
    pub sent_sha256: String,
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
const ACTIVE: [&[u8]; 12] = [
    b"/JavaScript",
    b"/JS",
    b"/Launch",
    b"/EmbeddedFile",
    b"/EmbeddedFiles",
    b"/OpenAction",
    b"/AA",
    b"/SubmitForm",
    b"/ImportData",
    b"/GoToE",
    b"/RichMedia",
    b"/XFA",
];
/// Other ways than deflate in which a PDF packs its objects; today's writers use none of them.
const ODD_FILTERS: [&[u8]; 9] = [
    b"/ASCIIHexDecode",
    b"/AHx",
    b"/ASCII85Decode",
    b"/A85",
    b"/LZWDecode",
    b"/LZW",
    b"/RunLengthDecode",
    b"/RL",
    b"/Crypt",
];
/// What the packed objects of one file may unpack to, and how many streams are looked into.
const MOST_UNPACKED_BYTES: u64 = 32 << 20;
const MOST_STREAMS: usize = 50_000;
/// Of a stream so much shows whether it holds objects.
const FIRST_BYTES: u64 = 64;

/// The file as it is kept.
pub fn accept(bytes: Vec<u8>) -> Result<AcceptedAttachment, Fault> {
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
    Ok(AcceptedAttachment {
        kind: AttachmentKind::Jpeg,
        bytes: shown,
        sent_sha256: trust::sha256_hex(&bytes),
    })
}

fn pdf(bytes: Vec<u8>) -> Result<AcceptedAttachment, Fault> {
    let tail = &bytes[bytes.len().saturating_sub(1024)..];
    if !holds(tail, b"%%EOF") {
        return Err(Fault::new("PDF 文件不完整", "file: this PDF has no end"));
    }
    if names(&bytes, b"/Encrypt") {
        return Err(Fault::new(
            "PDF 已加密，请取消密码后再添加",
            "file: this PDF is encrypted: take its password away first",
        ));
    }
    let packed = packed_objects(&bytes, MOST_UNPACKED_BYTES)?;
    if is_active(&bytes) || packed.iter().any(|objects| is_active(objects)) {
        return Err(Fault::new(
            "PDF 含有脚本、自动动作或内嵌文件，请打印为 PDF 后再添加",
            "file: this PDF holds scripts, actions or other files: print it to a PDF anew",
        ));
    }
    let sent_sha256 = trust::sha256_hex(&bytes);
    Ok(AcceptedAttachment { kind: AttachmentKind::Pdf, bytes, sent_sha256 })
}

fn is_active(bytes: &[u8]) -> bool {
    ACTIVE.iter().any(|name| names(bytes, name))
}

/// Objects that lie packed within streams, where a search of the file does not see their names.
/// Which stream holds objects is its writer's word: every one is unpacked that begins as they do.
fn packed_objects(bytes: &[u8], most: u64) -> Result<Vec<Vec<u8>>, Fault> {
    if !names(bytes, b"/ObjStm") {
        return Ok(Vec::new());
    }
    let unreadable = || {
        Fault::new(
            "PDF 的压缩方式无法检查，请打印为 PDF 后再添加",
            "file: this PDF is packed in a way that can not be looked into: print it to a PDF anew",
        )
    };
    if ODD_FILTERS.iter().any(|name| names(bytes, name)) {
        return Err(unreadable());
    }
    let (mut found, mut left, mut before) = (Vec::new(), most, 0);
    for (n, at) in streams(bytes).enumerate() {
        let head = &bytes[before..at];
        if n == MOST_STREAMS || (names(head, b"/ObjStm") && names(head, b"/Predictor")) {
            return Err(unreadable());
        }
        before = at;
        let Some(unpacked) = unpacked(bytes[at..].trim_ascii_start(), left) else { continue };
        left = left.saturating_sub(unpacked.len() as u64);
        if left == 0 {
            return Err(unreadable());
        }
        found.push(unpacked);
    }
    Ok(found)
}

/// A stream unpacked up to a bound, where it begins as packed objects do: with their numbers and
/// places, or with a comment.
fn unpacked(packed: &[u8], most: u64) -> Option<Vec<u8>> {
    let [method, flags, ..] = packed else { return None };
    if method & 15 != 8 || !u16::from_be_bytes([*method, *flags]).is_multiple_of(31) {
        return None;
    }
    let mut decoder = flate2::read::ZlibDecoder::new(packed);
    let mut unpacked = Vec::new();
    // A reader of PDFs shows what was unpacked before a fault; so it is looked at.
    let _ = decoder.by_ref().take(FIRST_BYTES).read_to_end(&mut unpacked);
    let first = unpacked.trim_ascii_start().first();
    if unpacked.is_empty() || first.is_some_and(|b| !(b.is_ascii_digit() || *b == b'%')) {
        return None;
    }
    let _ = decoder.take(most).read_to_end(&mut unpacked);
    Some(unpacked)
}

/// Where the bytes of each stream begin.
fn streams(bytes: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let starts = bytes.windows(WORD.len()).enumerate().filter(|(_, window)| *window == WORD);
    starts.map(|(at, _)| at + WORD.len())
}

const WORD: &[u8] = b"stream";

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
        same && rest.first().is_none_or(|byte| b"\0\t\n\x0c\r ()<>[]{}/%".contains(byte))
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
        assert_eq!(accept(pdf_with("/Lang(zh)")).unwrap().kind, AttachmentKind::Pdf);
        for part in [
            "/OpenAction 2 0 R",
            "/JS(app.alert(1))",
            "/J#53(app.alert(1))",
            "/#4aavaScript 3 0 R",
            "/AA<</O<</S/Launch>>>>",
            "/Names<</EmbeddedFiles 1 0 R>>",
            "/Type/EmbeddedFile",
            "/AA<</C 2 0 R>>",
            "/S/SubmitForm/F(http://x)",
            "/Encrypt 5 0 R",
        ] {
            assert!(accept(pdf_with(part)).is_err(), "{part}");
        }
        // A longer name is another name.
        assert!(accept(pdf_with("/JSNothing 1")).is_ok());
        assert!(accept(b"%PDF-1.7 cut".to_vec()).is_err());
    }

    fn packed(text: &str) -> Vec<u8> {
        use std::io::Write as _;
        let mut to = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        to.write_all(text.as_bytes()).unwrap();
        to.finish().unwrap()
    }

    fn pdf_of_objects(dictionary: &str, objects: &str) -> Vec<u8> {
        let head = format!("%PDF-1.7\n2 0 obj <<{dictionary}/Filter/FlateDecode>>\nstream\r\n");
        [head.as_bytes(), &packed(objects), b"\nendstream\nendobj\n%%EOF\n"].concat()
    }

    #[test]
    fn what_lies_packed_in_a_pdf_is_looked_at() {
        let kind = "/Type/ObjStm/N 1/First 4";
        assert!(accept(pdf_of_objects(kind, "7 0 <</Type/Font>>")).is_ok());
        for objects in ["7 0 <</S/JavaScript/JS 8 0 R>>", "%x\n7 0 <</AA<</O 9 0 R>>>>"] {
            assert!(accept(pdf_of_objects(kind, objects)).is_err(), "{objects}");
            assert!(accept(pdf_of_objects("/Type/Obj#53tm/N 1", objects)).is_err(), "{objects}");
        }
        for odd in ["/DecodeParms<</Predictor 12>>", "/Filter[/ASCIIHexDecode]"] {
            let dictionary = format!("{kind}{odd}");
            assert!(accept(pdf_of_objects(&dictionary, "7 0 <</Type/Font>>")).is_err(), "{odd}");
        }
        // A bomb: much out of little.
        let bomb = pdf_of_objects(kind, &"7 ".repeat(1000));
        assert!(packed_objects(&bomb, 1000).is_err());
        assert_eq!(packed_objects(&bomb, 10_000).unwrap().len(), 1);
    }

    #[test]
    fn what_was_sent_is_known_by_its_hash() {
        let sent = pdf_with("/Lang(zh)");
        assert_eq!(accept(sent.clone()).unwrap().sent_sha256, trust::sha256_hex(&sent));
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
