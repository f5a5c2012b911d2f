//! The identifiers of domain.md §6: formats and check digits. Pure; a failing code comes back as
//! one clear line.
//!
//! Sources: GB 32100-2015 (统一社会信用代码), GB 11643-1999 (身份证), the Health Commission's
//! numbering of certificates.

/// 统一社会信用代码 (18 characters) or 医疗机构执业许可证登记号 (22, which has no public check
/// digit).
pub fn institution_code(code: &str) -> Result<(), String> {
    match code.len() {
        18 => credit_code(code),
        22 if code.chars().all(|c| c.is_ascii_alphanumeric()) => Ok(()),
        length => Err(format!(
            "code: 18 characters (统一社会信用代码) or 22 (医疗机构执业许可证登记号) are needed, \
            {length} were given"
        )),
    }
}

/// 医疗机构执业许可证登记号: 22 letters and digits, without a public check digit.
pub fn licence_no(number: &str) -> Result<(), String> {
    if number.len() == 22 && number.bytes().all(|c| c.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err("licence_no: a 医疗机构执业许可证登记号 has 22 letters and digits".to_owned())
}

/// GB 32100: weights 3^(i-1) mod 31, check (31 − Σ mod 31) mod 31.
pub fn credit_code(code: &str) -> Result<(), String> {
    const ALPHABET: &str = "0123456789ABCDEFGHJKLMNPQRTUWXY";
    let mut values = Vec::with_capacity(18);
    for c in code.chars() {
        let Some(value) = ALPHABET.find(c) else {
            return Err(format!("code: `{c}` does not occur in a 统一社会信用代码"));
        };
        values.push(value);
    }
    if values.len() != 18 {
        return Err(format!(
            "code: a 统一社会信用代码 has 18 characters, {} were given",
            values.len()
        ));
    }
    let mut weight = 1;
    let mut sum = 0;
    for value in &values[..17] {
        sum += value * weight;
        weight = weight * 3 % 31;
    }
    let check = (31 - sum % 31) % 31;
    if values[17] == check {
        return Ok(());
    }
    let right = ALPHABET.chars().nth(check).unwrap_or('?');
    Err(format!(
        "code: the check character of this 统一社会信用代码 would be {right}: compare it with the \
        licence"
    ))
}

/// GB 11643: the 18 characters of an ID card number.
pub fn id_card(number: &str) -> Result<(), String> {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let fault = || {
        "身份证号: 17 digits and a check character 0-9 or X are needed, and they must agree"
            .to_owned()
    };
    let chars: Vec<char> = number.chars().collect();
    if chars.len() != 18 {
        return Err(fault());
    }
    let mut sum = 0;
    for (c, weight) in chars.iter().zip(WEIGHTS) {
        sum += c.to_digit(10).ok_or_else(fault)? * weight;
    }
    let check = "10X98765432".chars().nth((sum % 11) as usize);
    if check == Some(chars[17].to_ascii_uppercase()) { Ok(()) } else { Err(fault()) }
}

/// 医师执业证书编号: level 1 + class 2 + region 6 + serial 6.
pub fn physician_practice(number: &str) -> Result<(), String> {
    let digits = number.len() == 15 && number.chars().all(|c| c.is_ascii_digit());
    if digits && (number.starts_with('1') || number.starts_with('2')) {
        return Ok(());
    }
    Err("医师执业证书编号: 15 digits that begin with 1 (执业) or 2 (助理) are needed".to_owned())
}

/// 医师资格证书编号: 24 or 27 digits (the last may be X) that embed the ID card number.
pub fn physician_qualification(number: &str) -> Result<(), String> {
    let body = number.strip_suffix(['X', 'x']).unwrap_or(number);
    if matches!(number.len(), 24 | 27) && body.chars().all(|c| c.is_ascii_digit()) {
        return Ok(());
    }
    Err("医师资格证书编号: 24 or 27 characters are needed, digits but for a closing X".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_codes_hold_and_their_neighbours_fail() {
        assert_eq!(credit_code("91350100M000100Y43"), Ok(()));
        assert!(credit_code("91350100M000100Y4Z").is_err());
        assert!(credit_code("91350100M000100Y44").unwrap_err().contains("would be 3"));
        assert_eq!(licence_no("PDY00512351010417D2152"), Ok(()));
        assert!(licence_no("PDY0051235101041").unwrap_err().contains("22"));
        assert!(institution_code("9135").unwrap_err().contains("4 were given"));
        assert_eq!(id_card("11010519491231002X"), Ok(()));
        assert_eq!(id_card("11010519491231002x"), Ok(()));
        assert!(id_card("110105194912310021").is_err());
        assert!(id_card("1101051949123100").is_err());
    }

    #[test]
    fn certificates_have_their_lengths() {
        assert_eq!(physician_practice("110510100000123"), Ok(()));
        assert!(physician_practice("310510100000123").is_err());
        assert_eq!(physician_qualification(&"1".repeat(24)), Ok(()));
        assert!(physician_qualification(&"1".repeat(25)).is_err());
    }
}
