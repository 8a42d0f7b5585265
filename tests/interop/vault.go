package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"sync"

	"k8s.io/kms/pkg/service"
)

// nonceName is where the vault keeps a nonce, so that nothing unwraps unless annotations come back.
const nonceName = "nonce.interop.example"

// vault is a KMS in memory: AES-256-GCM under the newest of several keys.
type vault struct {
	mu      sync.Mutex
	keys    map[string]cipher.AEAD
	current string
	healthz string
}

func newVault() *vault {
	v := &vault{keys: map[string]cipher.AEAD{}, healthz: "ok"}
	if err := v.rotate("go-1"); err != nil {
		panic(err)
	}
	return v
}

func (v *vault) rotate(id string) error {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.keys[id], v.current = aead, id
	return nil
}

func (v *vault) setHealthz(healthz string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.healthz = healthz
}

func (v *vault) wrap(plain []byte) (id string, nonce, sealed []byte, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	nonce = make([]byte, 12)
	if _, err := rand.Read(nonce); err != nil {
		return "", nil, nil, err
	}
	return v.current, nonce, v.keys[v.current].Seal(nil, nonce, plain, nil), nil
}

func (v *vault) unwrap(id string, nonce, sealed []byte) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	aead, ok := v.keys[id]
	if !ok || len(nonce) != 12 {
		return nil, fmt.Errorf("not wrapped here")
	}
	return aead.Open(nil, nonce, sealed, nil)
}

// unwrapAny tries every key: the older API stores no id.
func (v *vault) unwrapAny(wrapped []byte) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(wrapped) >= 12 {
		for _, aead := range v.keys {
			if plain, err := aead.Open(nil, wrapped[:12], wrapped[12:], nil); err == nil {
				return plain, nil
			}
		}
	}
	return nil, fmt.Errorf("not wrapped here")
}

func (v *vault) Status(context.Context) (*service.StatusResponse, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return &service.StatusResponse{Version: "v2", Healthz: v.healthz, KeyID: v.current}, nil
}

func (v *vault) Encrypt(_ context.Context, _ string, plain []byte) (*service.EncryptResponse, error) {
	id, nonce, sealed, err := v.wrap(plain)
	annotations := map[string][]byte{nonceName: nonce, "empty.interop.example": {}}
	return &service.EncryptResponse{Ciphertext: sealed, KeyID: id, Annotations: annotations}, err
}

func (v *vault) Decrypt(_ context.Context, _ string, r *service.DecryptRequest) ([]byte, error) {
	return v.unwrap(r.KeyID, r.Annotations[nonceName], r.Ciphertext)
}
