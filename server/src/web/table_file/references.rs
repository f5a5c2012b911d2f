//! Places of cells in a sheet's XML that no spreadsheet has (`AAAAAAA1`, `A99999999999`): what
//! reads a sheet counts them in 32 bits. It only looks, as the sheet is unpacked.

use std::io::{self, Write};

/// A sheet ends with column XFD and row 1,048,576.
const MOST_LETTERS: u8 = 3;
const MOST_DIGITS: u8 = 7;

/// Where the look stands in an attribute's value.
#[derive(Debug, Clone, Copy)]
enum At {
    Outside,
    /// Within the quotation marks, at the letters of a place.
    Letters(u8, u8),
    /// At its digits.
    Digits {
        quote: u8,
        letters: u8,
        digits: u8,
    },
    /// It is no place.
    Other(u8),
}

/// Takes a sheet's bytes and remembers whether a place in it is none.
#[derive(Debug)]
pub(super) struct References {
    at: At,
    /// The last sign that is no blank.
    before: u8,
    pub(super) is_beyond: bool,
}

impl References {
    pub(super) fn new() -> Self {
        Self { at: At::Outside, before: 0, is_beyond: false }
    }

    fn sign(&mut self, sign: u8) {
        self.at = match (self.at, sign) {
            (At::Outside, b'"' | b'\'') if self.before == b'=' => At::Letters(sign, 0),
            (At::Outside, _) => At::Outside,
            (At::Letters(quote, _) | At::Other(quote), _) if sign == quote => At::Outside,
            (At::Digits { quote, letters, digits }, _) if sign == quote => {
                self.judge(letters, digits);
                At::Outside
            }
            // The second corner of a range.
            (At::Digits { quote, letters, digits }, b':' | b' ') => {
                self.judge(letters, digits);
                At::Letters(quote, 0)
            }
            (At::Letters(quote, n), _) if sign.is_ascii_alphabetic() => {
                At::Letters(quote, n.saturating_add(1))
            }
            (At::Letters(quote, letters), _) if sign.is_ascii_digit() => {
                At::Digits { quote, letters, digits: 1 }
            }
            (At::Digits { quote, letters, digits }, _) if sign.is_ascii_digit() => {
                At::Digits { quote, letters, digits: digits.saturating_add(1) }
            }
            (At::Letters(quote, _) | At::Digits { quote, .. } | At::Other(quote), _) => {
                At::Other(quote)
            }
        };
        if !sign.is_ascii_whitespace() {
            self.before = sign;
        }
    }

    fn judge(&mut self, letters: u8, digits: u8) {
        self.is_beyond |= letters > MOST_LETTERS || digits > MOST_DIGITS;
    }
}

impl Write for References {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for sign in bytes {
            self.sign(*sign);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_beyond(xml: &str) -> bool {
        let mut look = References::new();
        // Byte by byte, as it may be unpacked.
        xml.bytes().for_each(|byte| look.write_all(&[byte]).unwrap());
        look.is_beyond
    }

    #[test]
    fn a_place_that_no_sheet_has_is_found_and_no_other() {
        for beyond in [
            "<c r=\"AAAAAAAAAA1\"/>",
            "<row r = '99999999999'>",
            "<dimension ref=\"A1:AAAA1\"/>",
            "<c r=\"a99999999\"/>",
        ] {
            assert!(is_beyond(beyond), "{beyond}");
        }
        for sound in [
            "<c r=\"XFD1048576\" s=\"12\" t=\"inlineStr\"><is><t>AAAAAAAAAA1</t></is></c>",
            "<worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/main\">",
            "<row r=\"1\" ht=\"15.123456789\" spans=\"1:16384\" x14ac:dyDescent=\"0.25\">",
            "<sheet xr:uid=\"{00000000-0001-0000-0000-000000000000}\" mc:Ignorable=\"x14ac xr2\"/>",
        ] {
            assert!(!is_beyond(sound), "{sound}");
        }
    }
}
