//! The protobuf wire form, as far as an ONNX file needs it: fields in, fields out, unknown ones
//! kept as they are. It knows no ONNX and never panics: bytes that are no message give `None`.

/// One field's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum WireValue {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(Vec<u8>),
    Fixed32([u8; 4]),
}

/// A message: its fields in their order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct WireMessage(pub(super) Vec<(u64, WireValue)>);

impl WireMessage {
    pub(super) fn read(mut bytes: &[u8]) -> Option<Self> {
        let mut fields = Vec::new();
        while !bytes.is_empty() {
            let key = varint(&mut bytes)?;
            let value = match key & 7 {
                0 => WireValue::Varint(varint(&mut bytes)?),
                1 => WireValue::Fixed64(take(&mut bytes, 8)?.try_into().ok()?),
                2 => {
                    let length = usize::try_from(varint(&mut bytes)?).ok()?;
                    WireValue::Bytes(take(&mut bytes, length)?.to_vec())
                }
                5 => WireValue::Fixed32(take(&mut bytes, 4)?.try_into().ok()?),
                _ => return None,
            };
            fields.push((key >> 3, value));
        }
        Some(Self(fields))
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (number, value) in &self.0 {
            let kind = match value {
                WireValue::Varint(_) => 0,
                WireValue::Fixed64(_) => 1,
                WireValue::Bytes(_) => 2,
                WireValue::Fixed32(_) => 5,
            };
            put_varint(&mut bytes, number << 3 | kind);
            match value {
                WireValue::Varint(number) => put_varint(&mut bytes, *number),
                WireValue::Fixed64(raw) => bytes.extend(raw),
                WireValue::Fixed32(raw) => bytes.extend(raw),
                WireValue::Bytes(content) => {
                    put_varint(&mut bytes, content.len() as u64);
                    bytes.extend(content);
                }
            }
        }
        bytes
    }

    /// Every value of a field, in order.
    pub(super) fn all(&self, number: u64) -> impl Iterator<Item = &WireValue> {
        self.0.iter().filter(move |(field, _)| *field == number).map(|(_, value)| value)
    }

    pub(super) fn bytes(&self, number: u64) -> Option<&[u8]> {
        self.all(number).find_map(|value| {
            if let WireValue::Bytes(bytes) = value { Some(bytes.as_slice()) } else { None }
        })
    }

    pub(super) fn text(&self, number: u64) -> String {
        self.bytes(number)
            .map(|bytes| String::from_utf8_lossy(bytes).into_owned())
            .unwrap_or_default()
    }

    pub(super) fn texts(&self, number: u64) -> Vec<String> {
        self.all(number)
            .filter_map(|value| match value {
                WireValue::Bytes(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
                _ => None,
            })
            .collect()
    }

    /// A repeated integer, packed or not.
    pub(super) fn integers(&self, number: u64) -> Option<Vec<i64>> {
        let mut found = Vec::new();
        for value in self.all(number) {
            match value {
                WireValue::Varint(one) => found.push(*one as i64),
                WireValue::Bytes(packed) => {
                    let mut rest = packed.as_slice();
                    while !rest.is_empty() {
                        found.push(varint(&mut rest)? as i64);
                    }
                }
                _ => return None,
            }
        }
        Some(found)
    }

    pub(super) fn message(&self, number: u64) -> Option<Self> {
        Self::read(self.bytes(number)?)
    }

    pub(super) fn set(&mut self, number: u64, value: WireValue) {
        self.0.retain(|(field, _)| *field != number);
        self.0.push((number, value));
    }

    pub(super) fn with(mut self, number: u64, value: WireValue) -> Self {
        self.0.push((number, value));
        self
    }

    pub(super) fn with_text(self, number: u64, text: &str) -> Self {
        self.with(number, WireValue::Bytes(text.as_bytes().to_vec()))
    }
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(taken)
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

fn put_varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_is_written_again() {
        let bytes = [0x08, 0x96, 0x01, 0x12, 0x02, b'h', b'i', 0x1D, 1, 2, 3, 4];
        let message = WireMessage::read(&bytes).unwrap();
        assert_eq!((message.integers(1).unwrap(), message.text(2).as_str()), (vec![150], "hi"));
        assert_eq!(message.write(), bytes);
    }

    #[test]
    fn bytes_that_are_no_message_are_none() {
        for bytes in [&[0x12, 0x7F][..], &[0x0F], &[0x80], &[0x08; 1], &[0xFF; 20]] {
            assert_eq!(WireMessage::read(bytes), None, "{bytes:?}");
        }
    }
}
