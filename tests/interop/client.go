package main

import (
	"context"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/util/uuid"
	"k8s.io/apiserver/pkg/storage/value/encrypt/envelope"
	"k8s.io/apiserver/pkg/storage/value/encrypt/envelope/kmsv2"
	"k8s.io/kms/pkg/service"
)

// connected is upstream's client of a plugin, of either API version.
type connected struct {
	v1     envelope.Service
	v2     service.Service
	cancel context.CancelFunc
}

func (c *connected) close() { c.cancel() }

func connect(r *request) (answer, error) {
	ctx, cancel := context.WithCancel(context.Background())
	timeout := time.Duration(r.TimeoutMs) * time.Millisecond
	c := &connected{cancel: cancel}
	var err error
	switch r.API {
	case "v1":
		c.v1, err = envelope.NewGRPCService(ctx, r.Text, timeout)
	case "v2":
		c.v2, err = kmsv2.NewGRPCService(ctx, r.Text, "interop", timeout)
	default:
		err = fmt.Errorf("no such API version: %s", r.API)
	}
	if err != nil {
		cancel()
		return answer{}, err
	}
	return hold(c), nil
}

func status(r *request) (answer, error) {
	c, err := held[*connected](r)
	if err != nil {
		return answer{}, err
	}
	s, err := c.v2.Status(context.Background())
	if err != nil {
		return answer{}, err
	}
	return answer{Version: s.Version, Healthz: s.Healthz, KeyID: s.KeyID}, nil
}

func encrypt(r *request) (answer, error) {
	c, err := held[*connected](r)
	if err != nil {
		return answer{}, err
	}
	if c.v1 != nil {
		wrapped, err := c.v1.Encrypt(r.Bytes)
		return answer{Bytes: wrapped}, err
	}
	e, err := c.v2.Encrypt(context.Background(), string(uuid.NewUUID()), r.Bytes)
	if err != nil {
		return answer{}, err
	}
	return answer{Bytes: e.Ciphertext, KeyID: e.KeyID, Annotations: e.Annotations}, nil
}

func decrypt(r *request) (answer, error) {
	c, err := held[*connected](r)
	if err != nil {
		return answer{}, err
	}
	if c.v1 != nil {
		plain, err := c.v1.Decrypt(r.Bytes)
		return answer{Bytes: plain}, err
	}
	request := &service.DecryptRequest{Ciphertext: r.Bytes, KeyID: r.KeyID, Annotations: r.Annotations}
	plain, err := c.v2.Decrypt(context.Background(), string(uuid.NewUUID()), request)
	return answer{Bytes: plain}, err
}
