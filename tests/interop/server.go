package main

import (
	"context"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"k8s.io/kms/apis/v1beta1"
	"k8s.io/kms/pkg/service"
)

// served is a plugin made of upstream's framework, over a KMS in memory.
type served struct {
	kms *vault
	end func()
}

func (s *served) close() { s.end() }

func serve(r *request) (answer, error) {
	s := &served{kms: newVault()}
	switch r.API {
	case "v1":
		listener, err := net.Listen("unix", r.Text)
		if err != nil {
			return answer{}, err
		}
		server := grpc.NewServer()
		v1beta1.RegisterKeyManagementServiceServer(server, &pluginV1{kms: s.kms})
		go server.Serve(listener)
		s.end = server.Stop
	case "v2":
		plugin := service.NewGRPCService(r.Text, 3*time.Second, s.kms)
		failed := make(chan error, 1)
		go func() { failed <- plugin.ListenAndServe() }()
		// The framework does not say when it listens.
		for {
			select {
			case err := <-failed:
				return answer{}, err
			case <-time.After(5 * time.Millisecond):
			}
			if connection, err := net.Dial("unix", r.Text); err == nil {
				connection.Close()
				break
			}
		}
		s.end = plugin.Close
	default:
		return answer{}, fmt.Errorf("no such API version: %s", r.API)
	}
	return hold(s), nil
}

// rotate has the KMS wrap with another key, whose id is given.
func rotate(r *request) (answer, error) {
	s, err := held[*served](r)
	if err != nil {
		return answer{}, err
	}
	return answer{}, s.kms.rotate(r.KeyID)
}

// health sets what the KMS says of itself.
func health(r *request) (answer, error) {
	s, err := held[*served](r)
	if err != nil {
		return answer{}, err
	}
	s.kms.setHealthz(r.Text)
	return answer{}, nil
}

// pluginV1 is a plugin of the older API, for which there is no framework.
type pluginV1 struct {
	v1beta1.UnimplementedKeyManagementServiceServer
	kms *vault
}

func (p *pluginV1) Version(context.Context, *v1beta1.VersionRequest) (*v1beta1.VersionResponse, error) {
	return &v1beta1.VersionResponse{Version: "v1beta1", RuntimeName: "interop", RuntimeVersion: "1"}, nil
}

func (p *pluginV1) Encrypt(_ context.Context, r *v1beta1.EncryptRequest) (*v1beta1.EncryptResponse, error) {
	_, nonce, sealed, err := p.kms.wrap(r.Plain)
	return &v1beta1.EncryptResponse{Cipher: append(nonce, sealed...)}, err
}

func (p *pluginV1) Decrypt(_ context.Context, r *v1beta1.DecryptRequest) (*v1beta1.DecryptResponse, error) {
	plain, err := p.kms.unwrapAny(r.Cipher)
	return &v1beta1.DecryptResponse{Plain: plain}, err
}
