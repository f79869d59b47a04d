//! Reads weights from safetensors files, whole or sharded, one tensor at a time.
//!
//! Files are read, not mapped, so that memory holds a weight once. This file refuses pickles
//! (`pytorch_model.bin`): they run code.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use thiserror::Error;

use super::names;

/// Why weights could not be read.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    /// There are no weights.
    #[error("{directory}: no model.safetensors and no model.safetensors.index.json")]
    Missing {
        /// The directory.
        directory: PathBuf,
    },
    /// There is a pickle alone.
    #[error(
        "{path}: pickled weights are not read, because they can run code; convert them once with\n  \
         python -c \"from transformers import AutoModelForSequenceClassification as M; \
         M.from_pretrained('{directory}').save_pretrained('{directory}-safetensors')\""
    )]
    Pickle {
        /// The file.
        path: PathBuf,
        /// Its directory.
        directory: PathBuf,
    },
    /// A file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file's header is not one of safetensors.
    #[error("{path}: no safetensors header: {reason}; download the file again")]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A file ends before its last tensor.
    #[error(
        "{path}: the file has {found} bytes and its header says {wanted}; it is truncated, download it again"
    )]
    Truncated {
        /// The file.
        path: PathBuf,
        /// Bytes there are.
        found: u64,
        /// Bytes there should be.
        wanted: u64,
    },
    /// A tensor of the encoder is not in the files.
    #[error(
        "{directory}: no tensor `{name}`; the weights are not those of the `model_type` in config.json"
    )]
    NoTensor {
        /// The directory.
        directory: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor has another shape than the configuration says.
    #[error("{path}: tensor `{name}` has shape {found:?}, config.json says {wanted:?}")]
    Shape {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// What config.json says.
        wanted: Vec<usize>,
    },
    /// A tensor has a number format that is not supported.
    #[error(
        "{path}: tensor `{name}` is {dtype:?}; float32, float64, float16 and bfloat16 are read"
    )]
    Format {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its format.
        dtype: Dtype,
    },
}

/// Where a tensor is in a file.
#[derive(Debug, Clone)]
struct Entry {
    file: usize,
    start: u64,
    bytes: usize,
    dtype: Dtype,
    shape: Vec<usize>,
}

/// An open checkpoint.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    directory: PathBuf,
    files: Vec<(PathBuf, File)>,
    tensors: BTreeMap<String, Entry>,
}

impl Checkpoint {
    /// Opens the weights of a model directory and reads the headers.
    pub(crate) fn open(directory: &Path) -> Result<Self, LoadError> {
        let mut checkpoint =
            Self { directory: directory.to_owned(), files: Vec::new(), tensors: BTreeMap::new() };
        for path in files(directory)? {
            checkpoint.add(path)?;
        }
        Ok(checkpoint)
    }

    /// Opens a single file.
    pub(crate) fn open_file(path: &Path) -> Result<Self, LoadError> {
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        let mut checkpoint = Self { directory, files: Vec::new(), tensors: BTreeMap::new() };
        checkpoint.add(path.to_owned())?;
        Ok(checkpoint)
    }

    fn add(&mut self, path: PathBuf) -> Result<(), LoadError> {
        let (file, start, metadata) = header(&path)?;
        let index = self.files.len();
        for (name, info) in metadata.tensors() {
            let (from, to) = info.data_offsets;
            let entry = Entry {
                file: index,
                start: start + from as u64,
                bytes: to - from,
                dtype: info.dtype,
                shape: info.shape.clone(),
            };
            self.tensors.insert(names::modern(&name), entry);
        }
        self.files.push((path, file));
        Ok(())
    }

    /// The names there are.
    #[cfg(test)]
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    fn find(&self, name: &str, prefix: &str) -> Option<(&str, &Entry)> {
        let bare = name.strip_prefix(prefix).unwrap_or(name);
        let found = self.tensors.get_key_value(name).or_else(|| self.tensors.get_key_value(bare));
        found.map(|(name, entry)| (name.as_str(), entry))
    }

    /// The shape of a tensor, if it is there; its name may lack `prefix`.
    pub(crate) fn shape(&self, name: &str, prefix: &str) -> Option<&[usize]> {
        self.find(name, prefix).map(|(_, entry)| &entry.shape[..])
    }

    /// Checks that a tensor is there with this shape.
    pub(crate) fn check(&self, name: &str, prefix: &str, shape: &[usize]) -> Result<(), LoadError> {
        self.entry(name, prefix, shape).map(drop)
    }

    fn entry(
        &self,
        name: &str,
        prefix: &str,
        shape: &[usize],
    ) -> Result<(&str, &Entry), LoadError> {
        let Some((name, entry)) = self.find(name, prefix) else {
            return Err(LoadError::NoTensor {
                directory: self.directory.clone(),
                name: name.to_owned(),
            });
        };
        if entry.shape != shape {
            return Err(LoadError::Shape {
                path: self.files[entry.file].0.clone(),
                name: name.to_owned(),
                found: entry.shape.clone(),
                wanted: shape.to_vec(),
            });
        }
        Ok((name, entry))
    }

    /// Reads a tensor into `to`, which has as many floats as `shape` says.
    pub(crate) fn read(
        &self,
        name: &str,
        prefix: &str,
        shape: &[usize],
        to: &mut [f32],
    ) -> Result<(), LoadError> {
        let (name, entry) = self.entry(name, prefix, shape)?;
        let (path, file) = &self.files[entry.file];
        let mut bytes = vec![0u8; entry.bytes];
        file.read_exact_at(&mut bytes, entry.start)
            .map_err(|source| LoadError::Read { path: path.clone(), source })?;
        convert(&bytes, entry.dtype, to).ok_or_else(|| LoadError::Format {
            path: path.clone(),
            name: name.to_owned(),
            dtype: entry.dtype,
        })
    }
}

fn convert(bytes: &[u8], dtype: Dtype, to: &mut [f32]) -> Option<()> {
    fn each<const N: usize>(bytes: &[u8], to: &mut [f32], read: impl Fn([u8; N]) -> f32) {
        let (chunks, _) = bytes.as_chunks::<N>();
        for (to, chunk) in to.iter_mut().zip(chunks) {
            *to = read(*chunk);
        }
    }
    match dtype {
        Dtype::F32 => each(bytes, to, f32::from_le_bytes),
        Dtype::F64 => each(bytes, to, |b| f64::from_le_bytes(b) as f32),
        Dtype::BF16 => each(bytes, to, |b| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16)),
        Dtype::F16 => each(bytes, to, |b| half(u16::from_le_bytes(b))),
        _ => return None,
    }
    Some(())
}

/// IEEE half precision to single.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    match exponent {
        0 => {
            let value = fraction as f32 * 2f32.powi(-24);
            if sign == 0 { value } else { -value }
        }
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// The safetensors files of a directory.
fn files(directory: &Path) -> Result<Vec<PathBuf>, LoadError> {
    let whole = directory.join("model.safetensors");
    if whole.exists() {
        return Ok(vec![whole]);
    }
    let index = directory.join("model.safetensors.index.json");
    if index.exists() {
        return shards(directory, &index);
    }
    let pickle = directory.join("pytorch_model.bin");
    if pickle.exists() || directory.join("pytorch_model.bin.index.json").exists() {
        return Err(LoadError::Pickle { path: pickle, directory: directory.to_owned() });
    }
    Err(LoadError::Missing { directory: directory.to_owned() })
}

fn shards(directory: &Path, index: &Path) -> Result<Vec<PathBuf>, LoadError> {
    #[derive(serde::Deserialize)]
    struct Index {
        weight_map: BTreeMap<String, String>,
    }
    let text = std::fs::read(index)
        .map_err(|source| LoadError::Read { path: index.to_owned(), source })?;
    let index: Index = serde_json::from_slice(&text)
        .map_err(|e| LoadError::Header { path: index.to_owned(), reason: e.to_string() })?;
    let mut names: Vec<String> = index.weight_map.into_values().collect();
    names.sort();
    names.dedup();
    Ok(names.into_iter().map(|name| directory.join(name)).collect())
}

/// The largest header that is read, in bytes.
const HEADER_LIMIT: u64 = 100 << 20;

/// Opens a file and reads its header: the file, where its data starts, and what is in it.
pub(crate) fn header(path: &Path) -> Result<(File, u64, Metadata), LoadError> {
    let read = |source| LoadError::Read { path: path.to_owned(), source };
    let bad = |reason: String| LoadError::Header { path: path.to_owned(), reason };
    let mut file = File::open(path).map_err(read)?;
    let found = file.metadata().map_err(read)?.len();
    let mut length = [0u8; 8];
    file.read_exact(&mut length).map_err(|_| bad(format!("the file has {found} bytes")))?;
    let length = u64::from_le_bytes(length);
    if length > HEADER_LIMIT {
        return Err(bad(format!("it would be {length} bytes long")));
    }
    let truncated = |wanted| LoadError::Truncated { path: path.to_owned(), found, wanted };
    if found < 8 + length {
        return Err(truncated(8 + length));
    }
    let mut text = vec![0u8; length as usize];
    file.read_exact(&mut text).map_err(read)?;
    let metadata: Metadata = serde_json::from_slice(&text).map_err(|e| bad(e.to_string()))?;
    let wanted = 8 + length + metadata.data_len() as u64;
    if found < wanted {
        return Err(truncated(wanted));
    }
    Ok((file, 8 + length, metadata))
}

#[cfg(test)]
mod tests {
    use super::half;

    #[test]
    fn half_precision_has_its_landmarks() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x8001, -5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(half(bits), value);
        }
        assert!(half(0x7e00).is_nan());
    }
}
