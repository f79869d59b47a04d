//! The value of an expression. Whole numbers stay whole where the result is; overflow goes over to reals.

use super::{EvaluateError, Function, Node, Operator};
use crate::value::{Params, Value};

type Evaluated = Result<Value, EvaluateError>;

pub(super) fn evaluate(node: &Node, params: &Params) -> Evaluated {
    match node {
        Node::Literal(value) => Ok(value.clone()),
        Node::Name(name) => {
            params.get(name).cloned().ok_or_else(|| EvaluateError::Absent { name: name.clone() })
        }
        Node::Negate(inner) => negate(&evaluate(inner, params)?),
        Node::Not(inner) => Ok(Value::Bool(!truth("not", &evaluate(inner, params)?)?)),
        Node::And(left, right) => {
            let holds =
                truth("and", &evaluate(left, params)?)? && truth("and", &evaluate(right, params)?)?;
            Ok(Value::Bool(holds))
        }
        Node::Or(left, right) => {
            let holds =
                truth("or", &evaluate(left, params)?)? || truth("or", &evaluate(right, params)?)?;
            Ok(Value::Bool(holds))
        }
        Node::Choose { condition, then, otherwise } => {
            let chosen = if truth("if", &evaluate(condition, params)?)? { then } else { otherwise };
            evaluate(chosen, params)
        }
        Node::Binary(operator, left, right) => {
            binary(*operator, &evaluate(left, params)?, &evaluate(right, params)?)
        }
        Node::Call(function, arguments) => {
            let values: Result<Vec<_>, _> =
                arguments.iter().map(|node| evaluate(node, params)).collect();
            call(*function, &values?)
        }
    }
}

fn truth(operator: &'static str, value: &Value) -> Result<bool, EvaluateError> {
    value.as_bool().ok_or_else(|| operand(operator, value, "true or false"))
}

fn number(operator: &'static str, value: &Value) -> Result<f64, EvaluateError> {
    value.as_f64().ok_or_else(|| operand(operator, value, "numbers"))
}

fn operand(operator: &'static str, value: &Value, takes: &'static str) -> EvaluateError {
    EvaluateError::Operand { operator, operand: value.to_string(), takes }
}

fn finite(operator: &'static str, real: f64) -> Evaluated {
    if real.is_finite() {
        return Ok(Value::Float(real));
    }
    Err(EvaluateError::NotFinite { operator })
}

fn negate(value: &Value) -> Evaluated {
    match value {
        Value::Int(whole) => {
            Ok(whole.checked_neg().map_or(Value::Float(-(*whole as f64)), Value::Int))
        }
        _ => Ok(Value::Float(-number("-", value)?)),
    }
}

fn binary(operator: Operator, left: &Value, right: &Value) -> Evaluated {
    match operator {
        Operator::Equal => Ok(Value::Bool(left.same_as(right))),
        Operator::Unequal => Ok(Value::Bool(!left.same_as(right))),
        Operator::Below | Operator::AtMost | Operator::Above | Operator::AtLeast => {
            compare(operator, left, right)
        }
        _ => arithmetic(operator, left, right),
    }
}

fn compare(operator: Operator, left: &Value, right: &Value) -> Evaluated {
    let name = operator.symbol();
    let (left, right) = (number(name, left)?, number(name, right)?);
    Ok(Value::Bool(match operator {
        Operator::Below => left < right,
        Operator::AtMost => left <= right,
        Operator::Above => left > right,
        _ => left >= right,
    }))
}

fn arithmetic(operator: Operator, left: &Value, right: &Value) -> Evaluated {
    if let (Value::Int(left), Value::Int(right)) = (left, right) {
        let whole = match operator {
            Operator::Add => left.checked_add(*right),
            Operator::Subtract => left.checked_sub(*right),
            Operator::Multiply => left.checked_mul(*right),
            Operator::Power => u32::try_from(*right).ok().and_then(|power| left.checked_pow(power)),
            _ => None,
        };
        if let Some(whole) = whole {
            return Ok(Value::Int(whole));
        }
    }
    let name = operator.symbol();
    let (left, right) = (number(name, left)?, number(name, right)?);
    finite(
        name,
        match operator {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide => left / right,
            _ => libm::pow(left, right),
        },
    )
}

fn call(function: Function, arguments: &[Value]) -> Evaluated {
    let name = function.name();
    match (function, arguments) {
        (Function::Min | Function::Max, _) => extreme(function, arguments),
        (_, [value]) => {
            if let (Value::Int(whole), Function::Round | Function::Floor | Function::Ceil) =
                (value, function)
            {
                return Ok(Value::Int(*whole));
            }
            if let (Value::Int(whole), Function::Abs) = (value, function) {
                return Ok(whole
                    .checked_abs()
                    .map_or(Value::Float((*whole as f64).abs()), Value::Int));
            }
            let real = number(name, value)?;
            match function {
                Function::Round => to_whole(name, real.round_ties_even()),
                Function::Floor => to_whole(name, real.floor()),
                Function::Ceil => to_whole(name, real.ceil()),
                Function::Log => finite(name, libm::log(real)),
                Function::Exp => finite(name, libm::exp(real)),
                Function::Sqrt => finite(name, real.sqrt()),
                _ => finite(name, real.abs()),
            }
        }
        // The parser has counted the arguments.
        _ => Err(EvaluateError::NotFinite { operator: name }),
    }
}

fn to_whole(name: &'static str, real: f64) -> Evaluated {
    let value = Value::Float(real);
    match value.as_i64() {
        Some(whole) => Ok(Value::Int(whole)),
        None => finite(name, real),
    }
}

fn extreme(function: Function, arguments: &[Value]) -> Evaluated {
    let name = function.name();
    let mut best: Option<(f64, &Value)> = None;
    for value in arguments {
        let real = number(name, value)?;
        let better = best.is_none_or(|(most, _)| match function {
            Function::Min => real < most,
            _ => real > most,
        });
        if better {
            best = Some((real, value));
        }
    }
    best.map(|(_, value)| value.clone()).ok_or(EvaluateError::NotFinite { operator: name })
}

impl Operator {
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Power => "**",
            Self::Equal => "==",
            Self::Unequal => "!=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Above => ">",
            Self::AtLeast => ">=",
        }
    }
}

impl Function {
    pub(super) const ALL: [Self; 9] = [
        Self::Min,
        Self::Max,
        Self::Round,
        Self::Floor,
        Self::Ceil,
        Self::Log,
        Self::Exp,
        Self::Sqrt,
        Self::Abs,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Min => "min",
            Self::Max => "max",
            Self::Round => "round",
            Self::Floor => "floor",
            Self::Ceil => "ceil",
            Self::Log => "log",
            Self::Exp => "exp",
            Self::Sqrt => "sqrt",
            Self::Abs => "abs",
        }
    }
}
