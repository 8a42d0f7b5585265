package main

import (
	"context"
	"fmt"
	"os"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/server/options/encryptionconfig"
	"k8s.io/apiserver/pkg/storage/value"
)

// loaded is a configuration as the API server would use it.
type loaded struct {
	transformer value.Transformer
	cancel      context.CancelFunc
}

func (l *loaded) close() { l.cancel() }

// load reads a configuration and keeps the transformer of the resource "secrets".
func load(r *request) (answer, error) {
	file, err := os.CreateTemp("", "atrest-*.yaml")
	if err != nil {
		return answer{}, err
	}
	defer os.Remove(file.Name())
	if _, err := file.WriteString(r.Text); err != nil {
		return answer{}, err
	}
	if err := file.Close(); err != nil {
		return answer{}, err
	}
	ctx, cancel := context.WithCancel(context.Background())
	config, err := encryptionconfig.LoadEncryptionConfig(ctx, file.Name(), false, "interop")
	if err != nil {
		cancel()
		return answer{}, err
	}
	transformer, ok := config.Transformers[schema.GroupResource{Resource: "secrets"}]
	if !ok {
		cancel()
		return answer{}, fmt.Errorf("the configuration has no secrets")
	}
	return hold(&loaded{transformer, cancel}), nil
}

func seal(r *request) (answer, error) {
	config, err := held[*loaded](r)
	if err != nil {
		return answer{}, err
	}
	stored, err := config.transformer.TransformToStorage(context.Background(), r.Bytes, value.DefaultContext(r.AAD))
	return answer{Bytes: stored}, err
}

func open(r *request) (answer, error) {
	config, err := held[*loaded](r)
	if err != nil {
		return answer{}, err
	}
	plain, stale, err := config.transformer.TransformFromStorage(context.Background(), r.Bytes, value.DefaultContext(r.AAD))
	return answer{Bytes: plain, Stale: stale}, err
}
