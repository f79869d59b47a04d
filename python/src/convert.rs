//! Values between Python and the core. It refuses what a log cannot keep: numbers that are not finite, and objects.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use tunesmith_core::{Params, Value, Values};

/// How deep lists may lie in lists.
const DEEPEST: u32 = 16;

/// The value of a Python object: `None`, a truth value, a number, text, or a list of those. What has an `item()`, as
/// numbers of numpy and torch have, is taken by that.
pub(crate) fn value(object: &Bound<'_, PyAny>) -> PyResult<Value> {
    nested(object, 0)
}

fn nested(object: &Bound<'_, PyAny>, depth: u32) -> PyResult<Value> {
    if object.is_none() {
        return Ok(Value::Null);
    }
    if let Ok(truth) = object.cast::<PyBool>() {
        return Ok(Value::Bool(truth.is_true()));
    }
    if object.is_instance_of::<PyInt>() {
        return object.extract().map(Value::Int).map_err(|_| too_large(object));
    }
    if object.is_instance_of::<PyFloat>() {
        return finite(object.extract()?).map(Value::Float);
    }
    if let Ok(text) = object.cast::<PyString>() {
        return Ok(Value::Text(text.to_cow()?.into_owned()));
    }
    if depth < DEEPEST && (object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>())
    {
        let items: PyResult<Vec<Value>> =
            object.try_iter()?.map(|item| nested(&item?, depth + 1)).collect();
        return items.map(Value::List);
    }
    match object.getattr_opt("item")? {
        Some(item) if depth < DEEPEST && item.is_callable() => nested(&item.call0()?, depth + 1),
        _ => Err(PyTypeError::new_err(format!(
            "{} is no hyperparameter value; give None, a truth value, a number, text, or a list of those",
            object.repr()?
        ))),
    }
}

fn too_large(object: &Bound<'_, PyAny>) -> PyErr {
    let shown = object.repr().map_or_else(|_| "a number".to_owned(), |shown| shown.to_string());
    PyValueError::new_err(format!("{shown} does not fit into 64 bits"))
}

fn finite(real: f64) -> PyResult<f64> {
    if real.is_finite() {
        return Ok(real);
    }
    Err(PyValueError::new_err(format!("{real} is no hyperparameter value; it is not finite")))
}

/// The Python object of a value.
pub(crate) fn object<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Null => py.None().into_bound(py),
        Value::Bool(truth) => PyBool::new(py, *truth).to_owned().into_any(),
        Value::Int(whole) => whole.into_pyobject(py)?.into_any(),
        Value::Float(real) => PyFloat::new(py, *real).into_any(),
        Value::Text(text) => PyString::new(py, text).into_any(),
        Value::List(items) => {
            let items: PyResult<Vec<_>> = items.iter().map(|item| object(py, item)).collect();
            PyList::new(py, items?)?.into_any()
        }
    })
}

/// The params of a dictionary.
pub(crate) fn params(dictionary: &Bound<'_, PyDict>) -> PyResult<Params> {
    let pair = |(name, given): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        Ok((name.extract::<String>()?, value(&given)?))
    };
    dictionary.iter().map(pair).collect()
}

/// The dictionary of params.
pub(crate) fn dictionary<'py>(py: Python<'py>, params: &Params) -> PyResult<Bound<'py, PyDict>> {
    let dictionary = PyDict::new(py);
    for (name, value) in params.iter() {
        dictionary.set_item(name, object(py, value)?)?;
    }
    Ok(dictionary)
}

/// Metric values of a dictionary. They need not be finite: one that is not fails the trial, as the core has it.
pub(crate) fn values(dictionary: &Bound<'_, PyDict>) -> PyResult<Values> {
    let pair = |(name, given): (Bound<'_, PyAny>, Bound<'_, PyAny>)| {
        let name: String = name.extract()?;
        let wrong = || format!("{name} is {}; a metric is a number", shown(&given));
        if given.is_instance_of::<PyBool>() {
            return Err(PyTypeError::new_err(wrong()));
        }
        let number: f64 = given.extract().map_err(|_| PyTypeError::new_err(wrong()))?;
        Ok((name, number))
    };
    dictionary.iter().map(pair).collect()
}

fn shown(object: &Bound<'_, PyAny>) -> String {
    object.repr().map_or_else(|_| "an object".to_owned(), |shown| shown.to_string())
}

/// The dictionary of metric values.
pub(crate) fn numbers<'py>(py: Python<'py>, values: &Values) -> PyResult<Bound<'py, PyDict>> {
    let dictionary = PyDict::new(py);
    for (name, value) in values {
        dictionary.set_item(name, value)?;
    }
    Ok(dictionary)
}
