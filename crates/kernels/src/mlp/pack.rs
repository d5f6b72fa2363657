//! Weights in panels, as `product` reads them.

use super::product::{PANEL, padded};
use super::{Layer, Mlp, Real};
use crate::buffer::Buffer;

/// Every layer's weights as the right-hand side of `h W`, at `Layer::matrix`:
/// panels of outputs.
pub(crate) fn pack<R: Real>(mlp: &Mlp, params: &[R], panels: &mut Buffer<R>) {
    panels.grow(mlp.packed_len());
    for layer in &mlp.layers {
        let weight = &params[layer.weight.clone()];
        let rows = weight.chunks_exact(layer.outputs);
        let panels = &mut panels[layer.matrix..][..layer.inputs * padded(layer.outputs)];
        for (k, row) in rows.enumerate() {
            for (p, columns) in row.chunks(PANEL).enumerate() {
                let at = (p * layer.inputs + k) * PANEL;
                panels[at..at + columns.len()].copy_from_slice(columns);
                panels[at + columns.len()..at + PANEL].fill(R::ZERO);
            }
        }
    }
}

/// Every layer's weights but the first's as the right-hand side of `d W^T`, at
/// `Layer::matrix`: panels of inputs. No gradient goes to observations.
pub(crate) fn pack_transposed<R: Real>(mlp: &Mlp, params: &[R], panels: &mut Buffer<R>) {
    transpose(mlp, &mlp.layers[1..], params, panels);
}

/// The first layer's in the same way, where a gradient goes to observations.
pub(crate) fn pack_first_transposed<R: Real>(mlp: &Mlp, params: &[R], panels: &mut Buffer<R>) {
    transpose(mlp, &mlp.layers[..1], params, panels);
}

fn transpose<R: Real>(mlp: &Mlp, layers: &[Layer], params: &[R], panels: &mut Buffer<R>) {
    panels.grow(mlp.packed_len());
    for layer in layers {
        let weight = &params[layer.weight.clone()];
        let panels = &mut panels[layer.matrix..][..layer.outputs * padded(layer.inputs)];
        let size = layer.outputs * PANEL;
        for (panel, rows) in panels.chunks_exact_mut(size).zip(weight.chunks(size)) {
            for (k, columns) in panel.chunks_exact_mut(PANEL).enumerate() {
                columns.fill(R::ZERO);
                for (column, row) in columns.iter_mut().zip(rows.chunks_exact(layer.outputs)) {
                    *column = row[k];
                }
            }
        }
    }
}

/// Every layer's biases, padded with zeros, at `Layer::row`.
pub(crate) fn pack_biases<R: Real>(mlp: &Mlp, params: &[R], rows: &mut Buffer<R>) {
    rows.grow(mlp.rows_len());
    for layer in &mlp.layers {
        let row = &mut rows[layer.row..][..padded(layer.outputs)];
        row[..layer.outputs].copy_from_slice(&params[layer.bias.clone()]);
        row[layer.outputs..].fill(R::ZERO);
    }
}

impl Layer {
    /// The layer's panels of outputs.
    pub(crate) fn panels<'a, R>(&self, packed: &'a Buffer<R>) -> &'a [R] {
        &packed[self.matrix..][..self.inputs * padded(self.outputs)]
    }

    /// The layer's panels of inputs.
    pub(crate) fn transposed<'a, R>(&self, packed: &'a Buffer<R>) -> &'a [R] {
        &packed[self.matrix..][..self.outputs * padded(self.inputs)]
    }

    /// The layer's padded biases.
    pub(crate) fn biases<'a, R>(&self, rows: &'a Buffer<R>) -> &'a [R] {
        &rows[self.row..][..padded(self.outputs)]
    }
}
