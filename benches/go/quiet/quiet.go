// Package quiet switches the apiserver's metrics of storage off, as its flag --disabled-metrics does: what is timed
// here is compared with a library that nobody observes.
//
// Its path sorts before those of k8s.io, so that it is initialised before the packages that register the metrics.
package quiet

import "k8s.io/component-base/metrics"

func init() {
	metrics.SetDisabledMetrics([]string{
		"apiserver_storage_transformation_duration_seconds",
		"apiserver_storage_transformation_operations_total",
		"apiserver_storage_envelope_transformation_cache_misses_total",
		"apiserver_envelope_encryption_dek_source_cache_size",
		"apiserver_envelope_encryption_key_id_hash_total",
		"apiserver_envelope_encryption_key_id_hash_last_timestamp_seconds",
	})
}
