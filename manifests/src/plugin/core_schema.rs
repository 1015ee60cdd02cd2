//! The type of a plain scalar in YAML 1.2, for comparison with what YAML 1.1 makes of it.

/// The types of YAML 1.2's core schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Null,
    Bool,
    Integer,
    Float,
    Text,
}

/// The type of a plain scalar.
pub(super) fn of(text: &str) -> Type {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Type::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Type::Bool,
        ".nan" | ".NaN" | ".NAN" => return Type::Float,
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let all = |digits: &str, radix| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    let is_prefixed = |prefix, radix| text.strip_prefix(prefix).is_some_and(|digits| all(digits, radix));
    if all(unsigned, 10) || is_prefixed("0o", 8) || is_prefixed("0x", 16) {
        Type::Integer
    } else if matches!(unsigned, ".inf" | ".Inf" | ".INF") || is_decimal(unsigned) {
        Type::Float
    } else {
        Type::Text
    }
}

/// Digits with a point or an exponent; a digit must stand before the exponent.
fn is_decimal(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    let mut rest = &text[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let length = digits(fraction);
        if whole + length == 0 {
            return false;
        }
        rest = &fraction[length..];
    } else if whole == 0 {
        return false;
    }
    match rest.strip_prefix(['e', 'E']) {
        Some(exponent) => {
            let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
            !exponent.is_empty() && digits(exponent) == exponent.len()
        }
        None => rest.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_of_the_core_schema() {
        for (text, expected) in [
            ("", Type::Null),
            ("~", Type::Null),
            ("true", Type::Bool),
            ("yes", Type::Text),
            ("08", Type::Integer),
            ("0o17", Type::Integer),
            ("0xFF", Type::Integer),
            ("-0x1", Type::Text),
            ("1_000", Type::Text),
            ("1e3", Type::Float),
            (".5", Type::Float),
            ("1.", Type::Float),
            (".", Type::Text),
            ("1:30", Type::Text),
            ("-.inf", Type::Float),
            ("1.2.3", Type::Text),
            ("e5", Type::Text),
            ("1e", Type::Text),
        ] {
            assert_eq!(of(text), expected, "{text:?}");
        }
    }
}
