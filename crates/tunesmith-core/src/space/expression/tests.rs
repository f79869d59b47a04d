//! What expressions mean, and where they are wrong.

use super::*;

fn evaluate(source: &str) -> String {
    let params = Params::from([
        ("lr", Value::Float(3e-5)),
        ("batch", Value::Int(16)),
        ("lora.r", Value::Int(8)),
        ("warm-up", Value::Float(0.1)),
        ("model", Value::from("base")),
        ("fp16", Value::Bool(true)),
    ]);
    match Expression::parse(source) {
        Ok(expression) => match expression.evaluate(&params) {
            Ok(value) => format!("{value:?}"),
            Err(error) => error.to_string(),
        },
        Err(error) => error.to_string(),
    }
}

#[test]
fn arithmetic_is_pythons() {
    for (source, expected) in [
        ("2 * lora.r", "Int(16)"),
        ("7 / 2", "Float(3.5)"),
        ("8 / 2", "Float(4.0)"),
        ("-2 ** 2", "Int(-4)"),
        ("2 ** -1", "Float(0.5)"),
        ("2 ** 3 ** 2", "Int(512)"),
        ("10 - 3 - 2", "Int(5)"),
        ("2 + 3 * 4", "Int(14)"),
        ("(2 + 3) * 4", "Int(20)"),
        ("--2", "Int(2)"),
        ("round(2.5)", "Int(2)"),
        ("round(3.5)", "Int(4)"),
        ("floor(-0.5)", "Int(-1)"),
        ("ceil(1.2)", "Int(2)"),
        ("min(3, 1.5, 2)", "Float(1.5)"),
        ("max(batch, lora.r)", "Int(16)"),
        ("abs(-3)", "Int(3)"),
        ("sqrt(batch)", "Float(4.0)"),
        ("log(exp(1))", "Float(1.0)"),
        ("1_000", "Int(1000)"),
        ("1e3", "Float(1000.0)"),
        ("9223372036854775807 + 1", "Float(9.223372036854776e18)"),
        ("`warm-up` * 10", "Float(1.0)"),
    ] {
        assert_eq!(evaluate(source), expected, "{source}");
    }
}

#[test]
fn comparisons_and_choices() {
    for (source, expected) in [
        ("32 if model == 'base' else 16", "Int(32)"),
        ("32 if model == \"large\" else 16 if fp16 else 8", "Int(16)"),
        ("batch >= 16 and not batch > 16", "Bool(true)"),
        ("batch < 8 or lora.r != 8", "Bool(false)"),
        ("not not fp16", "Bool(true)"),
        ("1 == 1.0", "Bool(true)"),
        // What is not chosen is not evaluated.
        ("1 if fp16 else 1 / 0", "Int(1)"),
        ("fp16 or 1 / 0", "Bool(true)"),
    ] {
        assert_eq!(evaluate(source), expected, "{source}");
    }
}

#[test]
fn mistakes_are_located() {
    for (source, expected) in [
        ("2 *", "column 4: expected a number, a name or `(`, found the end"),
        ("2 3", "column 3: expected an operator or the end, found 3"),
        ("(2", "column 3: expected `)`, found the end"),
        ("1 if 2", "column 7: expected `else`, found the end"),
        ("2 $ 3", "column 3: expected a number, a name or an operator, found $"),
        ("'open", "column 1: this quote is never closed"),
        ("1.2.3", "column 1: 1.2.3 is not a number"),
        ("1e999", "column 1: 1e999 is not a number"),
        (
            "cosh(1)",
            "column 1: there is no function cosh; there are min, max, round, floor, ceil, log, exp, sqrt, abs",
        ),
        ("1 + sqrt(1, 2)", "column 5: sqrt takes one argument, not 2"),
        ("min()", "column 1: min takes one argument or more, not 0"),
        ("1 < 2 < 3", "column 7: expected an operator or the end, found <"),
        ("", "column 1: expected a number, a name or `(`, found the end"),
        ("unbekannt", "the parameter unbekannt has no value here"),
        ("model * 2", "* does not take base; it takes numbers"),
        ("1 if batch else 2", "if does not take 16; it takes true or false"),
        ("batch / 0", "/ has no finite result here"),
        ("log(0)", "log has no finite result here"),
        ("exp(1000)", "exp has no finite result here"),
    ] {
        assert_eq!(evaluate(source), expected, "{source}");
    }
}

#[test]
fn hostile_depth_and_length_are_refused() {
    let deep = "(".repeat(500) + "1" + &")".repeat(400);
    assert!(matches!(Expression::parse(&deep), Err(ParseError::TooDeep { .. })));
    let powers = "2**".repeat(300) + "1";
    assert!(matches!(Expression::parse(&powers), Err(ParseError::TooDeep { .. })));
    let long = "1+".repeat(5_000) + "1";
    assert!(matches!(Expression::parse(&long), Err(ParseError::TooLong { .. })));
    let choices = "1 if true else ".repeat(66) + "1";
    assert!(matches!(Expression::parse(&choices), Err(ParseError::TooDeep { .. })));
}

#[test]
fn references_are_listed_once() {
    let expression = Expression::parse("a.b + a.b * max(`c-d`, 2) if e == 'f' else g").unwrap();
    assert_eq!(expression.references(), ["e", "a.b", "c-d", "g"]);
}
