//! One file over a bad line: whole and right at the end, or not there at all.

use std::fs;
use std::path::Path;
use std::time::Duration;

use indicatif::ProgressBar;
use vision::pack::Digest;

use super::super::download::{DownloadPatience, ExpectedFile, FileDownload};
use super::server::{Answer, Server};

/// 300 kB that are different everywhere, so that a wrongly joined file has another hash.
fn model() -> Vec<u8> {
    (0..300_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn expected(file: &[u8]) -> ExpectedFile {
    ExpectedFile { bytes: Some(file.len() as u64), sha256: Some(Digest::of(file)) }
}

fn download(server: &Server, to: &Path, expected: ExpectedFile) -> Result<(), String> {
    let network =
        DownloadPatience { attempts: 3, pause: Duration::ZERO, silence: Duration::from_secs(10) };
    let url = server.url("model.onnx");
    FileDownload { url: &url, to, expected, network }
        .run(&ProgressBar::hidden())
        .map_err(|e| format!("{e:#}"))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn a_good_line_brings_the_file_in_one_request() {
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (model(), folder.path().join("model.onnx"));
    let server = Server::start(&file, &[Answer::Well]);
    download(&server, &to, expected(&file)).unwrap();
    assert_eq!(fs::read(&to).unwrap(), file);
    assert_eq!(server.asked(), [None]);
    assert_eq!(names(folder.path()), ["model.onnx"], "no part is left behind");
}

#[test]
fn a_cut_connection_is_resumed_where_it_broke() {
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (model(), folder.path().join("model.onnx"));
    let server = Server::start(&file, &[Answer::Cut(100_000), Answer::Cut(50_000), Answer::Well]);
    download(&server, &to, expected(&file)).unwrap();
    assert_eq!(fs::read(&to).unwrap(), file);
    assert_eq!(server.asked(), [None, Some(100_000), Some(150_000)]);
}

#[test]
fn the_part_of_an_ended_program_is_resumed() {
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (model(), folder.path().join("model.onnx"));
    fs::write(folder.path().join("model.onnx.part"), &file[..12_345]).unwrap();
    let server = Server::start(&file, &[Answer::Well]);
    download(&server, &to, expected(&file)).unwrap();
    assert_eq!(fs::read(&to).unwrap(), file);
    assert_eq!(server.asked(), [Some(12_345)]);
}

#[test]
fn a_server_without_ranges_is_read_from_the_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (model(), folder.path().join("model.onnx"));
    let server = Server::start(&file, &[Answer::NoRangesCut(200_000), Answer::NoRanges]);
    download(&server, &to, expected(&file)).unwrap();
    assert_eq!(fs::read(&to).unwrap(), file);
    assert_eq!(server.asked(), [None, Some(200_000)]);
}

#[test]
fn a_part_longer_than_the_file_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (model(), folder.path().join("model.onnx"));
    fs::write(folder.path().join("model.onnx.part"), vec![7; file.len() + 5]).unwrap();
    let server = Server::start(&file, &[Answer::Well]);
    download(&server, &to, expected(&file)).unwrap();
    assert_eq!(fs::read(&to).unwrap(), file);
    assert_eq!(server.asked(), [Some(file.len() + 5), None]);
}

#[test]
fn a_wrong_hash_is_refused_and_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (model(), folder.path().join("model.onnx"));
    let mut forged = file.clone();
    forged[150_000] ^= 1;
    let server = Server::start(&forged, &[Answer::Well]);
    let error = download(&server, &to, expected(&file)).unwrap_err();
    assert!(
        error.contains("refused") && error.contains(&Digest::of(&forged).to_string()),
        "{error}"
    );
    let aside = format!("model.onnx.rejected-{}", Digest::of(&forged).short());
    assert_eq!(names(folder.path()), [aside]);
    assert!(!error.contains('\n'), "one line: {error}");
}

#[test]
fn a_larger_file_than_expected_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let file = model();
    let server = Server::start(&file, &[Answer::Well]);
    let small = ExpectedFile { bytes: Some(1_000), sha256: Some(Digest::of(b"other")) };
    let error = download(&server, &folder.path().join("model.onnx"), small).unwrap_err();
    assert!(error.contains("announces 300000 bytes, at most 1000 are expected"), "{error}");
}

#[test]
fn a_missing_file_is_told_and_a_busy_server_asked_again() {
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (model(), folder.path().join("model.onnx"));
    let gone = Server::start(&file, &[Answer::Status(404)]);
    let error = download(&gone, &to, expected(&file)).unwrap_err();
    assert!(error.contains("404") && error.contains("/model.onnx"), "{error}");
    assert_eq!(gone.asked().len(), 1);

    let busy = Server::start(&file, &[Answer::Status(503), Answer::Status(503), Answer::Well]);
    download(&busy, &to, expected(&file)).unwrap();
    assert_eq!(busy.asked().len(), 3);
}

#[test]
fn a_line_that_brings_nothing_is_given_up_and_the_part_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (model(), folder.path().join("model.onnx"));
    let server = Server::start(&file, &[Answer::Cut(10_000), Answer::Cut(0)]);
    let error = download(&server, &to, expected(&file)).unwrap_err();
    assert!(error.contains("gave up; the part is kept"), "{error}");
    assert_eq!(server.asked().len(), 4, "one that brought bytes, three that brought none");
    assert_eq!(fs::metadata(folder.path().join("model.onnx.part")).unwrap().len(), 10_000);
}

#[test]
fn two_fetches_of_one_file_do_not_write_into_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let (file, to) = (model(), folder.path().join("model.onnx"));
    let server = Server::start(&file, &[Answer::Well]);
    let other = fs::File::create(folder.path().join("model.onnx.part")).unwrap();
    other.lock().unwrap();
    let error = download(&server, &to, expected(&file)).unwrap_err();
    assert!(error.contains("another fetch is at it"), "{error}");
    assert!(server.asked().is_empty());
}
