package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// makeCertificates writes an authority (ca.pem) and what it issues for a server on the loopback interface and
// for a client (server.pem, server.key, client.pem, client.key) to a folder.
func makeCertificates(folder string) error {
	authorityKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	authority := template("authority", 1)
	authority.IsCA = true
	authority.KeyUsage = x509.KeyUsageCertSign
	raw, err := x509.CreateCertificate(rand.Reader, authority, authority, authorityKey.Public(), authorityKey)
	if err != nil {
		return err
	}
	if err := writePEM(folder, "ca.pem", "CERTIFICATE", raw); err != nil {
		return err
	}

	server := template("server", 2)
	server.DNSNames = []string{"localhost"}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	client := template("client", 3)
	client.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	for _, leaf := range []*x509.Certificate{server, client} {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		raw, err := x509.CreateCertificate(rand.Reader, leaf, authority, key.Public(), authorityKey)
		if err != nil {
			return err
		}
		encoded, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return err
		}
		name := leaf.Subject.CommonName
		if err := writePEM(folder, name+".pem", "CERTIFICATE", raw); err != nil {
			return err
		}
		if err := writePEM(folder, name+".key", "PRIVATE KEY", encoded); err != nil {
			return err
		}
	}
	return nil
}

func template(name string, serial int64) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber:          big.NewInt(serial),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
	}
}

func writePEM(folder, name, kind string, raw []byte) error {
	block := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: raw})
	return os.WriteFile(filepath.Join(folder, name), block, 0o600)
}

// withTLS demands client certificates of the authority in the folder.
func withTLS(listener net.Listener, folder string) (net.Listener, error) {
	pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "server.pem"), filepath.Join(folder, "server.key"))
	if err != nil {
		return nil, err
	}
	clients, err := readAuthority(filepath.Join(folder, "ca.pem"))
	if err != nil {
		return nil, err
	}
	return tls.NewListener(listener, &tls.Config{
		Certificates: []tls.Certificate{pair},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    clients,
	}), nil
}

// dialTLS trusts the authority in a file, and presents the certificate of the client in a folder if one is given.
func dialTLS(authority, folder string, timeout time.Duration) (func(network, address string) (net.Conn, error), error) {
	servers, err := readAuthority(authority)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{RootCAs: servers}
	if folder != "" {
		pair, err := tls.LoadX509KeyPair(filepath.Join(folder, "client.pem"), filepath.Join(folder, "client.key"))
		if err != nil {
			return nil, err
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return func(network, address string) (net.Conn, error) {
		return tls.DialWithDialer(&net.Dialer{Timeout: timeout}, network, address, config)
	}, nil
}

func readAuthority(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return pool, nil
}
