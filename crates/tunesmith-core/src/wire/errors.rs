//! Errors by example as text: hexadecimal bits where each is 0 or 1, hexadecimal bytes else. Refuses texts that no
//! writer makes.

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::trial::ExampleErrors;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Packed {
    /// Eight examples a byte, the first in the highest bit.
    Bits { examples: usize, wrong: String },
    /// An example a byte.
    Bytes(String),
}

#[expect(clippy::ref_option, reason = "serde passes a reference")]
pub(super) fn serialize<S: Serializer>(
    errors: &Option<ExampleErrors>,
    out: S,
) -> Result<S::Ok, S::Error> {
    errors.as_ref().map(pack).serialize(out)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    json: D,
) -> Result<Option<ExampleErrors>, D::Error> {
    let Some(packed) = Option::<Packed>::deserialize(json)? else { return Ok(None) };
    let unpacked = unpack(&packed);
    unpacked.map(Some).ok_or_else(|| D::Error::custom("errors by example are hexadecimal digits"))
}

fn pack(errors: &ExampleErrors) -> Packed {
    let ExampleErrors(errors) = errors;
    if errors.iter().any(|error| *error > 1) {
        return Packed::Bytes(hexadecimal(errors));
    }
    let byte = |eight: &[u8]| {
        eight.iter().enumerate().fold(0, |byte, (place, bit)| byte | (bit << (7 - place)))
    };
    let bytes: Vec<u8> = errors.chunks(8).map(byte).collect();
    Packed::Bits { examples: errors.len(), wrong: hexadecimal(&bytes) }
}

fn unpack(packed: &Packed) -> Option<ExampleErrors> {
    match packed {
        Packed::Bytes(text) => Some(ExampleErrors(bytes(text)?)),
        Packed::Bits { examples, wrong } => {
            let bytes = bytes(wrong)?;
            if bytes.len() != examples.div_ceil(8) {
                return None;
            }
            let bit = |place: usize| (bytes[place / 8] >> (7 - place % 8)) & 1;
            Some(ExampleErrors((0..*examples).map(bit).collect()))
        }
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    bytes.iter().flat_map(digits).map(char::from).collect()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |character: u8| char::from(character).to_digit(16);
    let pair = |pair: &[u8]| match pair {
        [high, low] => Some((digit(*high)? * 16 + digit(*low)?) as u8),
        _ => None,
    };
    text.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_unpacks() {
        for errors in [vec![], vec![1], vec![0, 1, 1, 0, 0, 0, 0, 1, 1], vec![0, 255, 7]] {
            let errors = ExampleErrors(errors);
            assert_eq!(unpack(&pack(&errors)), Some(errors));
        }
    }

    #[test]
    fn eight_answers_are_a_byte() {
        let Packed::Bits { examples, wrong } =
            pack(&ExampleErrors(vec![1, 0, 0, 0, 0, 0, 0, 1, 1]))
        else {
            panic!("bits");
        };
        assert_eq!((examples, wrong.as_str()), (9, "8180"));
    }

    #[test]
    fn what_is_cut_is_refused() {
        let bits = |examples, wrong: &str| Packed::Bits { examples, wrong: wrong.to_owned() };
        assert_eq!(unpack(&bits(9, "81")), None);
        assert_eq!(unpack(&bits(8, "8g")), None);
        assert_eq!(unpack(&Packed::Bytes("8".to_owned())), None);
    }
}
