//! Any bytes as a picture: one clear error or pixels that fit their size; never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vision::Picture;

fuzz_target!(|bytes: &[u8]| {
    match Picture::decode(bytes) {
        Ok(picture) => {
            let frame = picture.frame();
            assert_eq!(frame.data().len(), frame.width() as usize * frame.height() as usize * 3);
        }
        Err(error) => assert!(!error.to_string().contains('\n'), "more than one line: {error}"),
    }
});
